package integration

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The scripts of TestPosixDifferences about content.

const gib = 1 << 30

func writeScript(p *posix) {
	f := p.file("f", "content")
	fd := p.fd("f", unix.O_RDWR)
	b := make([]byte, 100)
	p.on("read").n(unix.Read(fd, b))
	p.on("read at the end").n(unix.Read(fd, b))
	p.on("pread").n(unix.Pread(fd, b, 3))
	p.on("pread behind the end").n(unix.Pread(fd, b, 1000))
	p.on("pread before the beginning").n(unix.Pread(fd, b, -1))
	p.on("pwrite").n(unix.Pwrite(fd, []byte("XY"), 3))
	p.on("pwrite behind the end").n(unix.Pwrite(fd, []byte("far"), 5000))
	p.on("pwrite before the beginning").n(unix.Pwrite(fd, []byte("x"), -1))
	p.on("write of nothing").n(unix.Write(fd, nil))
	p.on("pwritev").n(unix.Pwritev(fd, [][]byte{[]byte("a"), []byte("bc")}, 10))
	p.on("preadv").n(unix.Preadv(fd, [][]byte{b[:2], b[2:4]}, 10))
	p.on("what preadv gave").is(string(b[:4]))
	for _, c := range []struct {
		call  string
		flags int
	}{{"RWF_HIPRI", unix.RWF_HIPRI}, {"RWF_DSYNC", unix.RWF_DSYNC}, {"RWF_SYNC", unix.RWF_SYNC}, {"RWF_APPEND", unix.RWF_APPEND}, {"RWF_NOWAIT", unix.RWF_NOWAIT}, {"an unknown flag", 1 << 20}} {
		p.on("pwritev2 " + c.call).n(unix.Pwritev2(fd, [][]byte{[]byte("z")}, 2, c.flags))
	}
	p.on("preadv2 RWF_NOWAIT").n(unix.Preadv2(fd, [][]byte{b}, 0, unix.RWF_NOWAIT))
	p.on("content").text(f)
	p.on("size").is(p.fstat(fd).Size)

	app := p.fd("f", unix.O_RDWR|unix.O_APPEND)
	p.on("write with O_APPEND").n(unix.Write(app, []byte("end")))
	p.on("pwrite with O_APPEND").n(unix.Pwrite(app, []byte("END"), 0))
	p.on("offset after O_APPEND").off(unix.Seek(app, 0, io.SeekCurrent))
	p.on("size after O_APPEND").is(p.fstat(fd).Size)
	flags, err := unix.FcntlInt(uintptr(app), unix.F_GETFL, 0)
	p.on("F_GETFL").n(flags&(unix.O_APPEND|unix.O_ACCMODE), err)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_APPEND)
	p.on("F_SETFL O_APPEND").err(err)
	p.on("write after F_SETFL").n(unix.Write(fd, []byte("end")))
	p.on("size after F_SETFL").is(p.fstat(fd).Size)
	dup, err := unix.Dup(fd)
	p.on("dup").err(err)
	p.on("close of one of two").err(unix.Close(dup))
	p.on("write by the other").n(unix.Write(fd, []byte("more")))
	p.on("write of 3 MiB").n(unix.Write(fd, bytes.Repeat([]byte("0123456789ab"), 256<<10)))
	p.on("size after 3 MiB").is(p.fstat(fd).Size)

	// A limit of the process, as of ulimit -f.
	var limit unix.Rlimit
	p.must(unix.Getrlimit(unix.RLIMIT_FSIZE, &limit))
	signal.Ignore(unix.SIGXFSZ)
	p.must(unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 10_000, Max: limit.Max}))
	small := p.fd("small", unix.O_CREAT|unix.O_RDWR)
	p.on("write over RLIMIT_FSIZE").n(unix.Pwrite(small, []byte("1234567890"), 9_995))
	p.on("write behind RLIMIT_FSIZE").n(unix.Pwrite(small, []byte("1234567890"), 10_000))
	p.on("truncate behind RLIMIT_FSIZE").err(unix.Ftruncate(small, 10_001))
	p.must(unix.Setrlimit(unix.RLIMIT_FSIZE, &limit))
}

func seekScript(p *posix) {
	p.file("f", strings.Repeat("x", 10_000))
	fd := p.fd("f", unix.O_RDWR)
	for _, c := range []struct {
		call   string
		off    int64
		whence int
	}{
		{"SEEK_SET", 100, unix.SEEK_SET}, {"SEEK_SET below 0", -1, unix.SEEK_SET}, {"SEEK_CUR", 5, unix.SEEK_CUR}, {"SEEK_CUR below 0", -1000, unix.SEEK_CUR},
		{"SEEK_END", -1, unix.SEEK_END}, {"SEEK_END behind", 1000, unix.SEEK_END}, {"SEEK_END below 0", -20_000, unix.SEEK_END}, {"an unknown whence", 0, 99},
		{"SEEK_DATA", 0, unix.SEEK_DATA}, {"SEEK_HOLE", 0, unix.SEEK_HOLE}, {"SEEK_DATA at the end", 10_000, unix.SEEK_DATA}, {"SEEK_HOLE at the end", 10_000, unix.SEEK_HOLE},
		{"SEEK_DATA behind the end", 10_001, unix.SEEK_DATA}, {"SEEK_DATA below 0", -1, unix.SEEK_DATA}, {"SEEK_HOLE below 0", -1, unix.SEEK_HOLE}, {"far", 4 * gib, unix.SEEK_SET},
	} {
		p.on(c.call).off(unix.Seek(fd, c.off, c.whence))
	}
	sparse := p.fd("sparse", unix.O_CREAT|unix.O_RDWR)
	p.must(unix.Ftruncate(sparse, 3<<20))
	_, err := unix.Pwrite(sparse, []byte("x"), 1<<20)
	p.must(err)
	p.on("SEEK_DATA in a hole").off(unix.Seek(sparse, 0, unix.SEEK_DATA))
	p.on("SEEK_HOLE in a hole").off(unix.Seek(sparse, 0, unix.SEEK_HOLE))
	p.on("a hole takes no room").is(p.fstat(sparse).Blocks < 1<<20/512)
	b := make([]byte, 4096)
	p.on("read of a hole").n(unix.Pread(sparse, b, 100_000))
	p.on("a hole is zeros").is(bytes.Equal(b, make([]byte, 4096)))
	p.on("size with holes").is(p.fstat(sparse).Size)
}

func truncateScript(p *posix) {
	f := p.file("f", "content")
	fd := p.fd("f", unix.O_RDWR)
	p.on("shorter").err(unix.Truncate(f, 3))
	p.on("then").text(f)
	p.on("longer").err(unix.Ftruncate(fd, 6))
	p.on("then again").text(f)
	p.on("below 0").err(unix.Truncate(f, -1))
	p.on("ftruncate below 0").err(unix.Ftruncate(fd, -1))
	p.on("a folder").err(unix.Truncate(p.folder("dir"), 0))
	p.on("what is absent").err(unix.Truncate(p.path("absent"), 0))
	p.on("a file opened to read").err(unix.Ftruncate(p.fd("f", unix.O_RDONLY), 0))
	p.must(unix.Chmod(f, 0o444))
	p.on("a read-only file").err(unix.Truncate(f, 2))
	p.on("an open file that became read-only").err(unix.Ftruncate(fd, 2))
	p.must(unix.Chmod(f, 0o644))
	p.on("5 GiB").err(unix.Ftruncate(fd, 5*gib))
	p.on("more than 5 GiB").err(unix.Ftruncate(fd, 5*gib+1))
	p.on("write at 5 GiB").n(unix.Pwrite(fd, []byte("x"), 5*gib))
	p.on("the end of what is possible").err(unix.Ftruncate(fd, 1<<62))
	p.on("write at the end of what is possible").n(unix.Pwrite(fd, []byte("x"), 1<<62))
	p.on("to nothing").err(unix.Truncate(f, 0))
	p.on("then nothing").text(f)
}

func allocateScript(p *posix) {
	f := p.file("f", strings.Repeat("x", 20_000))
	fd := p.fd("f", unix.O_RDWR)
	for _, c := range []struct {
		call     string
		mode     uint32
		off, len int64
	}{
		{"room", 0, 0, 30_000}, {"room within", 0, 10, 20}, {"room behind the end", unix.FALLOC_FL_KEEP_SIZE, 40_000, 10_000}, {"nothing", 0, 0, 0}, {"below 0", 0, -1, 10},
		{"a hole", unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE, 4096, 4096}, {"a hole that may grow", unix.FALLOC_FL_PUNCH_HOLE, 4096, 4096},
		{"zeros", unix.FALLOC_FL_ZERO_RANGE, 0, 4096}, {"to take out", unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096}, {"to put in", unix.FALLOC_FL_INSERT_RANGE, 0, 4096},
		{"to unshare", unix.FALLOC_FL_UNSHARE_RANGE, 0, 4096}, {"an unknown mode", 1 << 20, 0, 10},
	} {
		p.on(c.call).err(unix.Fallocate(fd, c.mode, c.off, c.len))
	}
	data, err := os.ReadFile(f)
	p.must(err)
	p.on("size").is(len(data))
	p.on("bytes in the hole").is(bytes.Count(data[4096:8192], []byte("x")))
	p.on("by who may read only").err(unix.Fallocate(p.fd("f", unix.O_RDONLY), 0, 0, 10))
	p.on("of a folder").err(unix.Fallocate(p.fd(".", unix.O_RDONLY), 0, 0, 10))
}

func copyScript(p *posix) {
	from := p.file("from", strings.Repeat("0123456789", 10_000))
	to := p.path("to")
	in, out := p.fd("from", unix.O_RDONLY), p.fd("to", unix.O_CREAT|unix.O_RDWR)
	p.on("copy_file_range").n(unix.CopyFileRange(in, nil, out, nil, 50_000, 0))
	off := int64(25_000)
	p.on("copy_file_range at an offset").n(unix.CopyFileRange(in, &off, out, nil, 100, 0))
	p.on("sendfile").n(unix.Sendfile(out, in, nil, 30_000))
	p.on("the copy").is(p.fstat(out).Size)
	same := p.fd("from", unix.O_RDWR)
	var zero, ten int64 = 0, 10
	p.on("copy_file_range onto itself").n(unix.CopyFileRange(same, &zero, same, &ten, 100, 0))
	end := int64(200_000)
	zero = 0
	p.on("copy_file_range within").n(unix.CopyFileRange(same, &zero, same, &end, 100, 0))
	p.on("copy_file_range of a folder").n(unix.CopyFileRange(p.fd(".", unix.O_RDONLY), nil, out, nil, 100, 0))
	var pipe [2]int
	p.must(unix.Pipe(pipe[:]))
	p.open = append(p.open, pipe[:]...)
	zero = 0
	p.on("splice out").off(unix.Splice(in, &zero, pipe[1], nil, 4096, 0))
	p.on("splice in").off(unix.Splice(pipe[0], nil, out, &zero, 4096, 0))
	p.on("FICLONE").err(unix.IoctlFileClone(out, in))
	p.on("dedupe").err(unix.IoctlFileDedupeRange(in, &unix.FileDedupeRange{Src_length: 4096, Info: []unix.FileDedupeRangeInfo{{Dest_fd: int64(out)}}}))
	p.on("copied").text(to)
	p.on("the source").text(from)
}

func directScript(p *posix) {
	p.file("f", strings.Repeat("x", 10_000))
	fd := p.fd("f", unix.O_RDWR|unix.O_DIRECT)
	page, err := unix.Mmap(-1, 0, 8192, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	p.must(err)
	defer func() { _ = unix.Munmap(page) }()
	p.on("read").n(unix.Pread(fd, page[:4096], 0))
	p.on("read to the end").n(unix.Pread(fd, page, 8192))
	p.on("read without alignment").n(unix.Pread(fd, page[1:101], 3))
	copy(page, "direct")
	p.on("write").n(unix.Pwrite(fd, page[:4096], 4096))
	p.on("write without alignment").n(unix.Pwrite(fd, page[:5], 3))
	b := make([]byte, 6)
	_, err = unix.Pread(p.fd("f", unix.O_RDONLY), b, 4096)
	p.must(err)
	p.on("others see it").is(string(b))
	p.on("write behind the end").n(unix.Pwrite(fd, page[:4096], 12288))
	p.on("size").is(p.fstat(fd).Size)
}

func mapScript(p *posix) {
	f := p.file("f", strings.Repeat("x", 6000))
	fd := p.fd("f", unix.O_RDWR)
	ro := p.fd("f", unix.O_RDONLY)
	m := func(call string, fd, prot, flags int) []byte {
		data, err := unix.Mmap(fd, 0, 12288, prot, flags)
		p.on(call).err(err)
		return data
	}
	shared := m("shared", fd, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	private := m("private", fd, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	m("shared to write by who may read", ro, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	readOnly := m("private to write by who may read", ro, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	m("by who may write only", p.fd("f", unix.O_WRONLY), unix.PROT_READ, unix.MAP_SHARED)
	run := m("to run", ro, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	m("MAP_SYNC", fd, unix.PROT_READ, unix.MAP_SHARED_VALIDATE|unix.MAP_SYNC)
	m("a folder", p.fd(".", unix.O_RDONLY), unix.PROT_READ, unix.MAP_PRIVATE)
	if shared == nil || private == nil {
		return
	}
	at := func(call string, b *byte) {
		debug.SetPanicOnFault(true)
		defer debug.SetPanicOnFault(false)
		defer func() {
			if recover() != nil {
				p.on(call).is("SIGBUS")
			}
		}()
		p.on(call).is(*b)
	}
	at("a byte", &shared[5999])
	at("behind the end, on its page", &shared[6001])
	at("on a page behind the end", &shared[8192])
	copy(shared, "shared")
	b := make([]byte, 10)
	p.on("read").n(unix.Pread(ro, b, 0))
	p.on("read sees what was mapped").is(string(b[:6]))
	_, err := unix.Pwrite(fd, []byte("written"), 0)
	p.must(err)
	p.on("memory sees what was written").is(string(shared[:7]))
	p.on("memory of another sees it").is(string(readOnly[:7]) + string(run[:7]))
	copy(private, "PRIVATE")
	p.on("read does not see private memory").n(unix.Pread(ro, b, 0))
	p.on("what it sees").is(string(b))
	p.on("msync").err(unix.Msync(shared, unix.MS_SYNC))
	p.on("msync and drop").err(unix.Msync(shared, unix.MS_SYNC|unix.MS_INVALIDATE))
	p.on("MADV_DONTNEED").err(unix.Madvise(shared, unix.MADV_DONTNEED))
	p.on("MADV_REMOVE").err(unix.Madvise(shared[:4096], unix.MADV_REMOVE))
	p.on("mlock").err(unix.Mlock(shared[:4096]))
	p.must(unix.Ftruncate(fd, 100))
	at("behind a new end", &shared[4096])
	p.must(unix.Ftruncate(fd, 9000))
	at("in front of a newer end", &shared[5000])
	copy(shared[8000:], "late")
	p.must(unix.Close(fd))
	p.open = p.open[1:]
	copy(shared[8996:], "late")
	for i, mem := range [][]byte{shared, private, readOnly, run} {
		p.on(fmt.Sprint("munmap ", i)).err(unix.Munmap(mem))
	}
	data, err := os.ReadFile(f)
	p.must(err)
	p.on("in the end").is(fmt.Sprintf("%d %q %q", len(data), data[8000:8004], data[8996:]))
}

func syncScript(p *posix) {
	p.file("f", "content")
	fd, ro, dir := p.fd("f", unix.O_RDWR), p.fd("f", unix.O_RDONLY), p.fd(".", unix.O_RDONLY)
	p.on("fsync").err(unix.Fsync(fd))
	p.on("fsync by a reader").err(unix.Fsync(ro))
	p.on("fdatasync").err(unix.Fdatasync(fd))
	p.on("fsync of a folder").err(unix.Fsync(dir))
	p.on("fdatasync of a folder").err(unix.Fdatasync(dir))
	p.on("syncfs").err(unix.Syncfs(fd))
	p.on("sync_file_range").err(unix.SyncFileRange(fd, 0, 4096, unix.SYNC_FILE_RANGE_WRITE|unix.SYNC_FILE_RANGE_WAIT_AFTER))
	for advice := range 6 {
		p.on(fmt.Sprint("fadvise ", advice)).err(unix.Fadvise(fd, 0, 0, advice))
	}
	_, _, e := unix.Syscall(unix.SYS_READAHEAD, uintptr(fd), 0, 4096)
	p.on("readahead").is(e == 0)
	var hint uint64
	_, _, e = unix.Syscall(unix.SYS_FCNTL, uintptr(fd), unix.F_GET_RW_HINT, uintptr(unsafe.Pointer(&hint)))
	p.on("F_GET_RW_HINT").is(e == 0)
}

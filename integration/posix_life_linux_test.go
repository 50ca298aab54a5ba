package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The scripts of TestPosixDifferences about what is open: files without a name,
// folders that are read, locks, watches and running programs.

func unlinkedScript(p *posix) {
	f := p.file("f", "content")
	fd, ro := p.fd("f", unix.O_RDWR), p.fd("f", unix.O_RDONLY)
	path := p.fd("f", unix.O_PATH)
	before := p.fstat(fd)
	p.on("unlink").err(unix.Unlink(f))
	p.on("links").is(p.fstat(fd).Nlink)
	p.on("links by O_PATH").is(p.fstat(path).Nlink)
	p.on("the inode is the same").is(p.fstat(fd).Ino == before.Ino)
	b := make([]byte, 100)
	p.on("pread").n(unix.Pread(ro, b, 0))
	p.on("pwrite").n(unix.Pwrite(fd, []byte("more"), 7))
	p.on("pread by another").n(unix.Pread(ro, b, 0))
	p.on("ftruncate").err(unix.Ftruncate(fd, 9))
	p.on("size").is(p.fstat(fd).Size)
	p.on("fchmod").err(unix.Fchmod(fd, 0o600))
	p.on("mode").is(p.fstat(fd).Mode)
	p.on("futimens").err(unix.Futimes(fd, []unix.Timeval{{Sec: 3}, {Sec: 4}}))
	p.on("mtime").is(p.fstat(fd).Mtim.Sec)
	p.on("fsync").err(unix.Fsync(fd))
	p.on("fallocate").err(unix.Fallocate(fd, 0, 0, 100))
	p.on("open through /proc").fd(unix.Open(fmt.Sprint("/proc/self/fd/", fd), unix.O_RDWR, 0))
	p.on("open O_PATH through /proc").fd(unix.Open(fmt.Sprint("/proc/self/fd/", path), unix.O_RDONLY, 0))
	link, err := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
	p.must(err)
	p.on("what /proc calls it").is(strings.HasSuffix(link, " (deleted)"))
	p.on("link through /proc").err(unix.Linkat(unix.AT_FDCWD, fmt.Sprint("/proc/self/fd/", fd), unix.AT_FDCWD, p.path("l"), unix.AT_SYMLINK_FOLLOW))
	other := p.file("f", "another")
	p.on("links while another has the name").is(p.fstat(fd).Nlink)
	p.on("another has its own content").text(other)
	p.on("another inode").is(p.stat("f").Ino != before.Ino)
	time.Sleep(1200 * time.Millisecond) // it settles, and attributes are asked for again
	p.on("links later").is(p.fstat(fd).Nlink)
	p.on("size later").is(p.fstat(fd).Size)
	p.on("close").err(unix.Close(p.open[0]))
	p.open = p.open[1:]
}

func replacedScript(p *posix) {
	f := p.file("f", "content")
	old := p.fd("f", unix.O_RDWR)
	n := p.file("new", "new content")
	moved := p.fd("new", unix.O_RDWR)
	ino := p.fstat(moved).Ino
	p.on("rename over an open file").err(unix.Rename(n, f))
	p.on("links of what was replaced").is(p.fstat(old).Nlink)
	p.on("links of what replaced it").is(p.fstat(moved).Nlink)
	p.on("its inode").is(p.stat("f").Ino == ino)
	b := make([]byte, 100)
	p.on("pread of what was replaced").n(unix.Pread(old, b, 0))
	p.on("pwrite of what was replaced").n(unix.Pwrite(old, []byte("lost"), 0))
	p.on("pwrite of what was moved").n(unix.Pwrite(moved, []byte("NEW"), 0))
	p.on("content").text(f)
	dir := p.folder("dir")
	p.file("dir/f", "in the folder")
	inside, at := p.fd("dir/f", unix.O_RDWR), p.fd("dir", unix.O_RDONLY)
	p.on("rename of the folder of an open file").err(unix.Rename(dir, p.path("dir2")))
	p.on("pwrite in it").n(unix.Pwrite(inside, []byte("IN"), 0))
	p.on("openat in it").fd(unix.Openat(at, "f", unix.O_RDWR, 0))
	p.on("content in it").text(p.path("dir2/f"))
	p.folder("empty")
	empty := p.fd("empty", unix.O_RDONLY)
	p.on("rename over an open folder").err(unix.Rename(p.path("dir2"), p.path("empty")))
	p.on("links of the folder that was replaced").is(p.fstat(empty).Nlink)
	p.on("create in it").fd(unix.Openat(empty, "f", unix.O_CREAT|unix.O_RDWR, 0o644))
}

func removedFolderScript(p *posix) {
	dir := p.folder("dir")
	at := p.fd("dir", unix.O_RDONLY)
	p.must(unix.Fchdir(at))
	p.on("rmdir of the working folder").err(unix.Rmdir(dir))
	_, err := unix.Getwd()
	p.on("getcwd").err(err)
	p.on("links").is(p.fstat(at).Nlink)
	n, err := unix.Getdents(at, make([]byte, 1000))
	p.on("getdents").n(n, err)
	p.on("create").fd(unix.Open("f", unix.O_CREAT|unix.O_RDWR, 0o644))
	p.on("mkdir").err(unix.Mkdir("sub", 0o755))
	p.on("open .").fd(unix.Open(".", unix.O_RDONLY, 0))
	p.on("fchmod").err(unix.Fchmod(at, 0o700))
	p.on("chdir ..").err(unix.Chdir(".."))
	p.on("rename into it").err(unix.Renameat(unix.AT_FDCWD, p.file("f", ""), at, "f"))
	p.must(unix.Chdir(p.path("..")))
}

// entries are what getdents(2) gives, with its offsets.
func (p *posix) entries(fd int) (names []string, offsets []int64) {
	buf := make([]byte, 4096)
	for {
		n, err := unix.Getdents(fd, buf)
		p.must(err)
		if n == 0 {
			return names, offsets
		}
		for b := buf[:n]; len(b) > 0; {
			d := (*unix.Dirent)(unsafe.Pointer(&b[0]))
			name, _, _ := bytes.Cut(b[unsafe.Offsetof(d.Name):d.Reclen], []byte{0})
			names = append(names, fmt.Sprintf("%s:%d", name, d.Type))
			offsets = append(offsets, d.Off)
			b = b[d.Reclen:]
		}
	}
}

func readFolderScript(p *posix) {
	p.folder("dir/")
	for i := range 300 {
		p.file(fmt.Sprintf("dir/file with a number of %03d", i), "")
	}
	p.folder("dir/sub")
	sorted := func(names []string) string {
		slices.Sort(names)
		return fmt.Sprintf("%d %.200q", len(names), names)
	}
	fd := p.fd("dir", unix.O_RDONLY)
	names, offsets := p.entries(fd)
	inOrder := slices.Clone(names)
	p.on("entries").is(sorted(names))
	again, _ := p.entries(fd)
	p.on("at the end").is(len(again))
	for _, i := range []int{250, 3, 100} {
		_, err := unix.Seek(fd, offsets[i], unix.SEEK_SET)
		p.on(fmt.Sprint("seek to entry ", i)).err(err)
		rest, _ := p.entries(fd)
		p.on(fmt.Sprint("the entries after ", i)).is(slices.Equal(rest, inOrder[i+1:]))
	}
	p.file("dir/later", "")
	_, err := unix.Seek(fd, 0, unix.SEEK_SET)
	p.on("rewind").err(err)
	names, _ = p.entries(fd)
	p.on("rewound").is(sorted(names))
	_, err = unix.Seek(fd, 0, unix.SEEK_END)
	p.on("seek to the end").err(err)
	_, err = unix.Seek(fd, -1, unix.SEEK_SET)
	p.on("seek below 0").err(err)
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	p.must(err)
	_, err = unix.Getdents(fd, make([]byte, 5))
	p.on("getdents with little room").err(err)
	_, err = unix.Getdents(p.fd("dir/later", unix.O_RDONLY), make([]byte, 500))
	p.on("getdents of a file").err(err)

	// What goes and comes while it is read.
	fd = p.fd("dir", unix.O_RDONLY)
	n, err := unix.Getdents(fd, make([]byte, 1000))
	p.on("the first").n(min(n, 500), err)
	for i := range 300 {
		p.must(unix.Unlink(p.path(fmt.Sprintf("dir/file with a number of %03d", i))))
	}
	_, _ = p.entries(fd)
	p.on("rmdir").err(unix.Rmdir(p.path("dir")))
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	p.must(err)
	names, _ = p.entries(fd)
	p.on("what stayed").is(sorted(names))
	st := p.stat("dir/sub")
	entries, err := os.ReadDir(p.path("dir"))
	p.must(err)
	for _, e := range entries {
		info, err := e.Info()
		p.must(err)
		p.on("kind of " + e.Name()).is(info.Mode())
	}
	sub := p.fd("dir/sub", unix.O_RDONLY)
	buf := make([]byte, 1000)
	_, err = unix.Getdents(sub, buf)
	p.must(err)
	p.on("inode of .").is(slices.Contains(inodes(buf), st.Ino) && slices.Contains(inodes(buf), p.stat("dir").Ino))
}

func inodes(buf []byte) (all []uint64) {
	for b := buf; len(b) > 24; {
		d := (*unix.Dirent)(unsafe.Pointer(&b[0]))
		if d.Reclen == 0 {
			return all
		}
		all = append(all, d.Ino)
		b = b[d.Reclen:]
	}
	return all
}

func flockScript(p *posix) {
	p.file("f", "content")
	a, b := p.fd("f", unix.O_RDWR), p.fd("f", unix.O_RDONLY)
	p.on("LOCK_SH").err(unix.Flock(a, unix.LOCK_SH))
	p.on("LOCK_SH by another").err(unix.Flock(b, unix.LOCK_SH|unix.LOCK_NB))
	p.on("LOCK_EX by another").err(unix.Flock(b, unix.LOCK_EX|unix.LOCK_NB))
	p.on("LOCK_UN").err(unix.Flock(a, unix.LOCK_UN))
	p.on("LOCK_EX by the only").err(unix.Flock(b, unix.LOCK_EX|unix.LOCK_NB))
	p.on("by another process").is(p.shell("flock -n f true; echo $?"))
	p.on("LOCK_UN by the other").err(unix.Flock(b, unix.LOCK_UN))
	p.on("by another process then").is(p.shell("flock -n f true; echo $?"))
	p.on("of a folder").err(unix.Flock(p.fd(".", unix.O_RDONLY), unix.LOCK_EX|unix.LOCK_NB))
	p.on("of O_PATH").err(unix.Flock(p.fd("f", unix.O_PATH), unix.LOCK_EX|unix.LOCK_NB))
	p.on("an unknown operation").err(unix.Flock(a, 99))
}

func fcntlScript(p *posix) {
	p.file("f", "content")
	a, b, ro := p.fd("f", unix.O_RDWR), p.fd("f", unix.O_RDWR), p.fd("f", unix.O_RDONLY)
	lock := func(call string, fd int, cmd int, kind int16, start, length int64) unix.Flock_t {
		l := unix.Flock_t{Type: kind, Start: start, Len: length}
		p.on(call).err(unix.FcntlFlock(uintptr(fd), cmd, &l))
		return l
	}
	lock("a range", a, unix.F_OFD_SETLK, unix.F_WRLCK, 0, 10)
	lock("over it", b, unix.F_OFD_SETLK, unix.F_WRLCK, 5, 10)
	lock("behind it", b, unix.F_OFD_SETLK, unix.F_WRLCK, 10, 10)
	l := lock("whose", b, unix.F_OFD_GETLK, unix.F_WRLCK, 0, 5)
	p.on("what it is").is([]int64{int64(l.Type), l.Start, l.Len, int64(l.Pid)})
	lock("to read by a reader", ro, unix.F_OFD_SETLK, unix.F_RDLCK, 50, 10)
	lock("to write by a reader", ro, unix.F_OFD_SETLK, unix.F_WRLCK, 50, 10)
	lock("unlock", a, unix.F_OFD_SETLK, unix.F_UNLCK, 0, 0)
	lock("over it then", b, unix.F_OFD_SETLK, unix.F_WRLCK, 0, 10)
	lock("of the process", a, unix.F_SETLK, unix.F_WRLCK, 100, 10)
	lock("of the process by another file", b, unix.F_SETLK, unix.F_WRLCK, 100, 10)
	p.on("by another process").is(p.shell(`perl -MFcntl -e 'open F, "+<", "f"; print fcntl(F, F_SETLK, pack("s s l! l! i", F_WRLCK, 0, 100, 10, 0)) ? "free" : "taken"'`))
	lock("below 0", a, unix.F_SETLK, unix.F_WRLCK, -5, 10)
	_, err := unix.FcntlInt(uintptr(ro), unix.F_SETLEASE, unix.F_RDLCK)
	p.on("a lease on what is open to write").err(err)
	p.file("leased", "")
	_, err = unix.FcntlInt(uintptr(p.fd("leased", unix.O_RDONLY)), unix.F_SETLEASE, unix.F_RDLCK)
	p.on("a lease").err(err)
	const dnCreate = 4
	_, err = unix.FcntlInt(uintptr(p.fd(".", unix.O_RDONLY)), unix.F_NOTIFY, dnCreate)
	p.on("F_NOTIFY").err(err)
}

// shell is what a script in the folder prints.
func (p *posix) shell(script string) string {
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = p.dir
	out, err := cmd.CombinedOutput()
	p.must(err)
	return strings.TrimSpace(string(out))
}

// watchScript is inotify(7) and fanotify(7).
func watchScript(p *posix) {
	f := p.file("f", "content")
	w, err := unix.InotifyInit1(unix.IN_NONBLOCK)
	p.must(err)
	p.open = append(p.open, w)
	_, err = unix.InotifyAddWatch(w, p.dir, unix.IN_ALL_EVENTS)
	p.on("watch a folder").err(err)
	events := func(call string, do func() error) {
		p.on(call).err(do())
		buf := make([]byte, 4096)
		n, err := unix.Read(w, buf)
		if err == unix.EAGAIN {
			n = 0
		}
		var all []string
		for b := buf[:n]; len(b) > 0; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			size := unix.SizeofInotifyEvent + int(e.Len)
			name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:size], []byte{0})
			all = append(all, fmt.Sprintf("%x %s", e.Mask, name))
			b = b[size:]
		}
		p.on("events of " + call).is(strings.Join(all, ", "))
	}
	events("create", func() error { return os.WriteFile(p.path("g"), nil, 0o644) })
	events("write", func() error { return os.WriteFile(f, []byte("x"), 0o644) })
	events("truncate", func() error { return unix.Truncate(f, 3) })
	events("chmod", func() error { return unix.Chmod(f, 0o600) })
	events("utimes", func() error { return unix.Utimes(f, nil) })
	events("rename", func() error { return unix.Rename(f, p.path("h")) })
	events("rename over", func() error { return unix.Rename(p.path("h"), p.path("g")) })
	events("mkdir", func() error { return unix.Mkdir(p.path("dir"), 0o755) })
	events("unlink", func() error { return unix.Unlink(p.path("g")) })
	events("rmdir", func() error { return unix.Rmdir(p.path("dir")) })

	for _, c := range []struct {
		call  string
		class uint
	}{{"files", unix.FAN_CLASS_NOTIF}, {"ids", unix.FAN_CLASS_NOTIF | unix.FAN_REPORT_FID}, {"permissions", unix.FAN_CLASS_CONTENT}} {
		fan, err := unix.FanotifyInit(c.class|unix.FAN_NONBLOCK, unix.O_RDONLY)
		p.on("fanotify by " + c.call).err(err)
		if err == nil {
			p.open = append(p.open, fan)
			p.on("fanotify mark by " + c.call).err(unix.FanotifyMark(fan, unix.FAN_MARK_ADD, unix.FAN_MODIFY|unix.FAN_EVENT_ON_CHILD, unix.AT_FDCWD, p.dir))
		}
	}
}

// runScript runs programs that are in the folder.
func runScript(p *posix) {
	p.must(os.WriteFile(p.path("script"), []byte("#!/bin/sh\necho run\n"), 0o755))
	p.on("a script").is(p.shell("./script"))
	p.must(unix.Chmod(p.path("script"), 0o644))
	p.on("one without x").is(p.shell("./script 2> /dev/null; echo $?"))
	program, err := os.ReadFile("/bin/sleep")
	p.must(err)
	p.must(os.WriteFile(p.path("sleep"), program, 0o755))
	cmd := exec.Command(p.path("sleep"), "100")
	p.on("a program").err(cmd.Start())
	if cmd.Process != nil {
		p.on("write to a running program").fd(unix.Open(p.path("sleep"), unix.O_WRONLY, 0))
		p.on("truncate a running program").err(unix.Truncate(p.path("sleep"), 0))
		p.on("unlink a running program").err(unix.Unlink(p.path("sleep")))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	fd := p.fd("f", unix.O_CREAT|unix.O_RDWR)
	_, err = unix.Write(fd, program)
	p.must(err)
	p.must(unix.Fchmod(fd, 0o755))
	p.on("run what is open to write").err(exec.Command(p.path("f"), "0").Run())
	// The set-user-ID bit.
	if os.Geteuid() != 0 {
		return
	}
	id, err := os.ReadFile("/usr/bin/id")
	p.must(err)
	p.must(os.WriteFile(p.path("id"), id, 0o755))
	p.must(unix.Chown(p.path("id"), 12, 12))
	p.must(unix.Chmod(p.path("id"), 0o4755))
	p.on("set-user-ID").is(p.shell("./id -u"))
}

// handleScript is name_to_handle_at(2), by which NFS servers and fanotify know files.
func handleScript(p *posix) {
	f := p.file("f", "content")
	h, _, err := unix.NameToHandleAt(unix.AT_FDCWD, f, 0)
	p.on("name_to_handle_at").err(err)
	if err != nil || os.Geteuid() != 0 {
		return
	}
	mount := p.fd(".", unix.O_RDONLY)
	p.on("open_by_handle_at").fd(unix.OpenByHandleAt(mount, h, unix.O_RDONLY))
	p.must(unix.Unlink(f))
	p.on("open_by_handle_at of what was removed").fd(unix.OpenByHandleAt(mount, h, unix.O_RDONLY))
}

package integration

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The scripts of TestPosixDifferences about names: path_resolution(7), and the calls
// that make, move and remove.

func openScript(p *posix) {
	f, dir := p.file("f", "content"), p.folder("dir")
	ro := p.file("read-only", "content")
	p.must(unix.Chmod(ro, 0o444))
	for _, c := range []struct {
		call, path string
		flags      int
	}{
		{"a file", f, unix.O_RDWR},
		{"what is absent", p.path("absent"), unix.O_RDONLY},
		{"nothing", "", unix.O_RDONLY},
		{"below a file", f + "/x", unix.O_RDONLY},
		{"to create below a file", f + "/x", unix.O_CREAT | unix.O_RDWR},
		{"to create below what is absent", p.path("absent/x"), unix.O_CREAT | unix.O_RDWR},
		{"a file with a slash", f + "/", unix.O_RDONLY},
		{"to create with a slash", p.path("new/"), unix.O_CREAT | unix.O_RDWR},
		{"O_DIRECTORY of a file", f, unix.O_DIRECTORY},
		{"O_DIRECTORY of a folder", dir, unix.O_DIRECTORY},
		{"O_DIRECTORY|O_CREAT", p.path("new"), unix.O_DIRECTORY | unix.O_CREAT},
		{"a folder to write", dir, unix.O_WRONLY},
		{"a folder with O_CREAT", dir, unix.O_CREAT},
		{"a folder with O_TRUNC", dir, unix.O_TRUNC},
		{"O_EXCL of a file", f, unix.O_CREAT | unix.O_EXCL},
		{"O_EXCL of a folder", dir, unix.O_CREAT | unix.O_EXCL},
		{"O_EXCL of what is new", p.path("exclusive"), unix.O_CREAT | unix.O_EXCL},
		{"O_NOFOLLOW", f, unix.O_NOFOLLOW},
		{"O_PATH", f, unix.O_PATH},
		{"O_PATH of a folder", dir, unix.O_PATH},
		{"O_TMPFILE", dir, unix.O_TMPFILE | unix.O_RDWR},
		{"O_NOATIME", f, unix.O_NOATIME},
		{"O_SYNC", f, unix.O_RDWR | unix.O_SYNC},
		{"O_DSYNC", f, unix.O_RDWR | unix.O_DSYNC},
		{"O_ASYNC", f, unix.O_RDWR | unix.O_ASYNC},
		{"O_NONBLOCK", f, unix.O_RDWR | unix.O_NONBLOCK},
		{"O_DIRECT", f, unix.O_RDWR | unix.O_DIRECT},
		{"mode 3", f, 3},
		{"read-only to read", ro, unix.O_RDONLY},
		{"read-only to write", ro, unix.O_WRONLY},
		{"O_CREAT of what is read-only", ro, unix.O_CREAT | unix.O_RDWR},
		{"O_TRUNC of what is read-only", ro, unix.O_TRUNC},
		{"O_TRUNC without writing", f, unix.O_TRUNC},
	} {
		p.on(c.call).fd(unix.Open(c.path, c.flags, 0o600))
	}
	p.on("content after O_TRUNC").text(f)
	fd := p.on("to create mode 000").fd(unix.Open(p.path("none"), unix.O_CREAT|unix.O_RDWR, 0))
	p.on("to write mode 000 by who created it").n(unix.Write(fd, []byte("x")))
	p.on("open mode 000").fd(unix.Open(p.path("none"), unix.O_RDONLY, 0))
	at := p.fd("dir", unix.O_PATH)
	p.on("openat").fd(unix.Openat(at, "f", unix.O_CREAT|unix.O_RDWR, 0o666))
	p.on("openat of a file").fd(unix.Openat(p.fd("f", unix.O_RDONLY), "f", unix.O_RDONLY, 0))
	p.on("openat2 beneath").fd(unix.Openat2(at, "../f", &unix.OpenHow{Resolve: unix.RESOLVE_BENEATH}))
	p.on("openat2 in root").fd(unix.Openat2(at, "/f", &unix.OpenHow{Resolve: unix.RESOLVE_IN_ROOT}))
	p.on("openat2 without symlinks").fd(unix.Openat2(at, "f", &unix.OpenHow{Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV}))
	p.on("mode with the umask").is(p.stat("dir/f").Mode)
	p.on("creat").fd(unix.Creat(p.path("created"), 0o666))
	p.on("read what is write-only").n(unix.Read(p.fd("f", unix.O_WRONLY), make([]byte, 1)))
	p.on("write what is read-only").n(unix.Write(p.fd("f", unix.O_RDONLY), []byte("x")))
	p.on("read O_PATH").n(unix.Read(p.fd("f", unix.O_PATH), make([]byte, 1)))
	p.on("read a folder").n(unix.Read(p.fd("dir", unix.O_RDONLY), make([]byte, 1)))
}

func namesScript(p *posix) {
	for _, c := range []struct{ call, name string }{
		{"255 bytes", strings.Repeat("n", 255)}, {"256 bytes", strings.Repeat("n", 256)},
		{"255 bytes of UTF-8", strings.Repeat("ä", 127) + "n"},
		{"a space", " "}, {"spaces around", " name "}, {"a dot at the end", "name."}, {"three dots", "..."}, {"hidden", ".name"},
		{"a backslash", `back\slash`}, {"characters of globs", "*?[a]{b}"}, {"percent", "100%25"}, {"a colon", "C:name"},
		{"quotes", `"'<>|&;$`}, {"a name of Windows", "CON"}, {"emoji", "\U0001f600"}, {"right to left", "\u202eabc"},
		{"a newline", "new\nline"}, {"a tab", "ta\tb"}, {"control character 1", "a\x01"}, {"delete", "a\x7f"},
		{"bytes that are no UTF-8", "a\xffb"}, {"a non-character", "a\ufffeb"},
	} {
		fd := p.on(c.call).fd(unix.Open(p.path(c.name), unix.O_CREAT|unix.O_EXCL|unix.O_WRONLY, 0o644))
		_, _ = unix.Write(fd, []byte(c.call))
		p.on("read " + c.call).text(p.path(c.name))
	}
	p.on("mkdir 256 bytes").err(unix.Mkdir(p.path(strings.Repeat("d", 256)), 0o755))
	p.on("mkdir a tab").err(unix.Mkdir(p.path("dir\t"), 0o755))
	p.on("rename to a tab").err(unix.Rename(p.path("..."), p.path("moved\t")))
	p.file("case", "lower")
	p.file("CASE", "upper")
	p.on("case").text(p.path("case"))
	p.file("caf\u00e9", "composed")
	p.file("cafe\u0301", "decomposed")
	p.on("composed").text(p.path("caf\u00e9"))
	p.on("open 4095 bytes").fd(unix.Open(p.dir+strings.Repeat("/.", (4095-len(p.dir))/2), unix.O_RDONLY, 0))
	p.on("open 4096 bytes").fd(unix.Open(p.dir+strings.Repeat("/.", (4098-len(p.dir))/2), unix.O_RDONLY, 0))
	p.on("dots").text(p.path("./case/../././case"))
	p.on("slashes").text(p.dir + "///case")
	deep := p.dir
	for range 20 {
		deep = filepath.Join(deep, strings.Repeat("d", 60))
	}
	p.on("a path of 1,200 bytes").err(os.MkdirAll(deep, 0o755))
	p.on("a file below it").err(os.WriteFile(deep+"/f", []byte("deep"), 0o644))
	p.on("its content").text(deep + "/f")
}

func foldersScript(p *posix) {
	p.folder("dir")
	p.folder("full")
	p.file("full/f", "content")
	p.file("f", "content")
	for _, c := range []struct{ call, name string }{
		{"what is there", "dir"}, {"with a slash", "new/"}, {"below a file", "f/x"}, {"below what is absent", "absent/x"}, {"over a file", "f"},
		{"a dot", "dir/."},
	} {
		p.on("mkdir " + c.call).err(unix.Mkdir(p.dir+"/"+c.name, 0o755))
	}
	p.on("mkdir mode").err(unix.Mkdir(p.path("moded"), 0o1777))
	p.on("mode").is(p.stat("moded").Mode)
	for _, c := range []struct{ call, name string }{
		{"a file", "f"}, {"what is absent", "absent"}, {"what is full", "full"}, {"a dot", "dir/."}, {"two dots", "full/.."}, {"with a slash", "new/"}, {"below a file", "f/x"},
	} {
		p.on("rmdir " + c.call).err(unix.Rmdir(p.dir + "/" + c.name))
	}
	for _, c := range []struct{ call, name string }{
		{"a folder", "dir"}, {"a file with a slash", "f/"}, {"what is absent", "absent"}, {"below a file", "f/x"}, {"a file", "f"}, {"a file again", "f"},
	} {
		p.on("unlink " + c.call).err(unix.Unlink(p.dir + "/" + c.name))
	}
	at := p.fd("full", unix.O_RDONLY)
	p.on("unlinkat").err(unix.Unlinkat(at, "f", 0))
	p.on("unlinkat of a folder").err(unix.Unlinkat(at, "../dir", unix.AT_REMOVEDIR))
	p.on("mkdirat").err(unix.Mkdirat(at, "sub", 0o700))
	closed := p.folder("closed")
	p.file("closed/f", "")
	p.must(unix.Chmod(closed, 0o500))
	p.on("create in a read-only folder").fd(unix.Open(closed+"/g", unix.O_CREAT, 0o644))
	p.on("unlink in a read-only folder").err(unix.Unlink(closed + "/f"))
	p.on("mkdir in a read-only folder").err(unix.Mkdir(closed+"/d", 0o755))
	p.must(unix.Chmod(closed, 0o600))
	p.on("look into a folder without x").err(unix.Access(closed+"/g", unix.F_OK))
	p.must(unix.Chmod(closed, 0o300))
	p.on("list a folder without r").fd(unix.Open(closed, unix.O_RDONLY, 0))
	p.must(unix.Chmod(closed, 0o700))
}

func renameScript(p *posix) {
	reset := func() {
		p.must(os.RemoveAll(p.path("r")))
		for _, dir := range []string{"r", "r/empty", "r/full", "r/dir"} {
			p.folder(dir)
		}
		for _, f := range []string{"r/a", "r/b", "r/full/f", "r/dir/x"} {
			p.file(f, f)
		}
	}
	show := func(call string) {
		var all []string
		p.must(filepath.WalkDir(p.path("r"), func(path string, e os.DirEntry, err error) error {
			rel, _ := filepath.Rel(p.path("r"), path)
			if err == nil && !e.IsDir() {
				data, _ := os.ReadFile(path)
				rel += "=" + string(data)
			}
			all = append(all, rel)
			return err
		}))
		p.on("afterwards " + call).is(strings.Join(all, " "))
	}
	for _, c := range []struct {
		from, to string
		flags    uint
	}{
		{"a", "b", 0}, {"a", "new", 0}, {"a", "a", 0}, {"a", "full/f", 0}, {"a", "dir", 0}, {"a", "empty", 0}, {"a", "new/", 0}, {"a/", "new", 0}, {"a", "b/x", 0}, {"a", "absent/x", 0},
		{"absent", "new", 0}, {"absent", "a", 0}, {"dir", "a", 0}, {"dir", "new", 0}, {"dir", "new/", 0}, {"dir/", "new", 0}, {"dir", "empty", 0}, {"dir", "full", 0}, {"dir", "dir/sub", 0}, {"dir", "dir", 0},
		{"dir/x", "dir", 0}, {"dir/.", "new", 0}, {"dir", "full/..", 0}, {"empty", "full/f", 0}, {"full/f", "full/g", 0},
		{"a", "b", unix.RENAME_NOREPLACE}, {"a", "new", unix.RENAME_NOREPLACE}, {"dir", "empty", unix.RENAME_NOREPLACE}, {"a", "a", unix.RENAME_NOREPLACE},
		{"a", "b", unix.RENAME_EXCHANGE}, {"a", "absent", unix.RENAME_EXCHANGE}, {"a", "a", unix.RENAME_EXCHANGE}, {"a", "dir", unix.RENAME_EXCHANGE}, {"dir", "full", unix.RENAME_EXCHANGE}, {"dir", "dir/x", unix.RENAME_EXCHANGE},
		{"a", "b", unix.RENAME_EXCHANGE | unix.RENAME_NOREPLACE}, {"a", "new", unix.RENAME_WHITEOUT}, {"a", "new", 8},
	} {
		reset()
		call := c.from + " to " + c.to + map[uint]string{1: " NOREPLACE", 2: " EXCHANGE", 3: " both", 4: " WHITEOUT", 8: " unknown"}[c.flags]
		p.on(call).err(unix.Renameat2(unix.AT_FDCWD, p.path("r")+"/"+c.from, unix.AT_FDCWD, p.path("r")+"/"+c.to, c.flags))
		if c.flags != unix.RENAME_WHITEOUT {
			show(call)
		}
	}
	reset()
	p.on("to 256 bytes").err(unix.Rename(p.path("r/a"), p.path("r/"+strings.Repeat("n", 256))))
	p.on("to another file system").err(unix.Rename(p.path("r/a"), "/proc/new"))
	p.must(unix.Chmod(p.path("r/full"), 0o500))
	p.on("out of a read-only folder").err(unix.Rename(p.path("r/full/f"), p.path("r/new")))
	p.on("into a read-only folder").err(unix.Rename(p.path("r/b"), p.path("r/full/new")))
	p.must(unix.Chmod(p.path("r/full"), 0o700))
	before := p.stat("r/b")
	p.on("b to c").err(unix.Rename(p.path("r/b"), p.path("r/c")))
	p.on("the inode is the same").is(before.Ino == p.stat("r/c").Ino)
	p.on("the time of change of its content is the same").is(before.Mtim == p.stat("r/c").Mtim)
}

func linksScript(p *posix) {
	f := p.file("f", "content")
	p.on("link").err(unix.Link(f, p.path("l")))
	p.on("links after link").is(p.stat("f").Nlink)
	p.on("link of a folder").err(unix.Link(p.folder("dir"), p.path("l2")))
	p.on("link over a file").err(unix.Link(f, p.file("g", "")))
	p.on("link of what is absent").err(unix.Link(p.path("absent"), p.path("l3")))
	p.on("link to another file system").err(unix.Link(f, "/proc/new"))
	p.on("symlink").err(unix.Symlink("f", p.path("s")))
	p.on("symlink over a file").err(unix.Symlink("f", f))
	p.on("symlink below a file").err(unix.Symlink("f", f+"/s"))
	p.on("through a symlink").text(p.path("s"))
	p.on("readlink of a file").n(unix.Readlink(f, make([]byte, 100)))
	p.on("readlink of a folder").n(unix.Readlink(p.path("dir"), make([]byte, 100)))
	p.on("lchown of a symlink").err(unix.Lchown(p.path("s"), -1, -1))
	p.on("a link in /proc").text("/proc/self/cwd/links/f")
}

func specialScript(p *posix) {
	p.on("mkfifo").err(unix.Mkfifo(p.path("fifo"), 0o644))
	p.on("mkfifo over a file").err(unix.Mkfifo(p.file("f", ""), 0o644))
	p.on("mknod of a character device").err(unix.Mknod(p.path("null"), unix.S_IFCHR|0o644, int(unix.Mkdev(1, 3))))
	p.on("mknod of a block device").err(unix.Mknod(p.path("block"), unix.S_IFBLK|0o644, int(unix.Mkdev(7, 200))))
	p.on("mknod of a socket").err(unix.Mknod(p.path("sock"), unix.S_IFSOCK|0o644, 0))
	p.on("mknod of a file").err(unix.Mknod(p.path("made"), unix.S_IFREG|0o640, 0))
	p.on("mknod of a folder").err(unix.Mknod(p.path("made2"), unix.S_IFDIR|0o640, 0))
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	p.must(err)
	defer unix.Close(s)
	p.must(unix.Fchdir(p.fd(".", unix.O_RDONLY))) // the path of a socket has a limit
	p.on("bind").err(unix.Bind(s, &unix.SockaddrUnix{Name: "bound"}))
	p.must(unix.Chdir(".."))
	p.on("connect to a file").err(unix.Connect(s, &unix.SockaddrUnix{Name: "special/f"}))
}

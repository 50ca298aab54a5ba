package integration

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The scripts of TestPosixDifferences about attributes: inode(7) and xattr(7).

func statScript(p *posix) {
	f := p.file("f", "content")
	dir := p.folder("dir")
	p.folder("dir/sub")
	st, ds := p.stat("f"), p.stat("dir")
	p.on("kind and mode").is(st.Mode)
	p.on("of a folder").is(ds.Mode)
	p.on("owner").is(int(st.Uid) == os.Geteuid() && int(st.Gid) == os.Getegid())
	p.on("links of a file").is(st.Nlink)
	p.on("links of a folder").is(ds.Nlink)
	p.on("size").is(st.Size)
	p.on("a folder has a size").is(ds.Size > 0)
	p.on("the unit of blocks is 512 bytes and a file takes whole pages").is(st.Blocks%8 == 0)
	p.on("the best size to read is a page").is(st.Blksize == 4096)
	p.on("devices are the same").is(st.Dev == ds.Dev)
	p.on("rdev").is(st.Rdev)
	p.on("the times are of now").is(isNow(st.Mtim))
	p.on("stat of what is absent").err(unix.Stat(p.path("absent"), &st))
	p.on("stat below a file").err(unix.Stat(f+"/x", &st))
	p.on("stat with a slash").err(unix.Stat(f+"/", &st))
	p.on("fstatat of an empty path").err(unix.Fstatat(p.fd("f", unix.O_PATH), "", &st, unix.AT_EMPTY_PATH))
	p.on("fstat of O_PATH").err(unix.Fstat(p.fd("f", unix.O_PATH), &st))
	var x unix.Statx_t
	p.on("statx").err(unix.Statx(unix.AT_FDCWD, f, 0, unix.STATX_ALL, &x))
	p.on("statx basic").is(x.Mask&unix.STATX_BASIC_STATS == unix.STATX_BASIC_STATS)
	p.on("statx has the birth").is(x.Mask&unix.STATX_BTIME != 0 && time.Since(time.Unix(x.Btime.Sec, 0)).Abs() < time.Minute)
	p.on("statx has the mount").is(x.Mask&unix.STATX_MNT_ID != 0)
	p.on("statx without asking").err(unix.Statx(unix.AT_FDCWD, f, unix.AT_STATX_DONT_SYNC, unix.STATX_SIZE, &x))
	p.on("statx asking").err(unix.Statx(unix.AT_FDCWD, dir, unix.AT_STATX_FORCE_SYNC, unix.STATX_SIZE, &x))
	p.on("access F_OK").err(unix.Access(f, unix.F_OK))
	p.on("access R_OK").err(unix.Access(f, unix.R_OK))
	p.on("access W_OK").err(unix.Access(f, unix.W_OK))
	p.on("access X_OK").err(unix.Access(f, unix.X_OK))
	p.on("access X_OK of a folder").err(unix.Access(dir, unix.X_OK))
	p.on("faccessat2").err(unix.Faccessat2(unix.AT_FDCWD, f, unix.R_OK, unix.AT_EACCESS))
	ino := p.stat("f").Ino
	p.must(os.WriteFile(f, []byte("other"), 0o644))
	p.on("the inode is the same after a write").is(p.stat("f").Ino == ino)
}

func isNow(at unix.Timespec) bool {
	return time.Since(time.Unix(at.Unix())).Abs() < time.Minute
}

// timesScript pauses between the calls: disks count in ticks of the kernel.
func timesScript(p *posix) {
	pause := func() { time.Sleep(20 * time.Millisecond) }
	f, dir := p.file("f", "content"), p.folder("dir")
	fd := p.fd("f", unix.O_RDWR)
	set := func(call, path string, atime, mtime unix.Timespec) {
		p.on(call).err(unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{atime, mtime}, 0))
	}
	old := unix.Timespec{Sec: 1_500_000_000, Nsec: 123_456_789}
	set("utimensat", f, unix.Timespec{Sec: 1_400_000_000}, old)
	p.on("mtime has nanoseconds").is(p.stat("f").Mtim == old)
	p.on("atime was set").is(p.stat("f").Atim.Sec == 1_400_000_000)
	p.on("ctime is of now").is(isNow(p.stat("f").Ctim))
	set("utimensat of the mtime alone", f, unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Sec: 1})
	p.on("mtime alone").is(p.stat("f").Mtim.Sec)
	set("utimensat of the atime alone", f, unix.Timespec{Sec: 2}, unix.Timespec{Nsec: unix.UTIME_OMIT})
	p.on("mtime stays").is(p.stat("f").Mtim.Sec)
	set("utimensat of nothing", f, unix.Timespec{Nsec: unix.UTIME_OMIT}, unix.Timespec{Nsec: unix.UTIME_OMIT})
	set("utimensat of a folder", dir, old, old)
	p.on("mtime of a folder").is(p.stat("dir").Mtim == old)
	p.on("futimens").err(unix.Futimes(fd, []unix.Timeval{{Sec: 3}, {Sec: 4, Usec: 5}}))
	p.on("mtime of an open file").is(p.stat("f").Mtim)
	set("utimensat with a wrong nanosecond", f, unix.Timespec{Nsec: 2_000_000_000}, old)
	set("before 1970", f, unix.Timespec{Sec: -1000}, unix.Timespec{Sec: -1000, Nsec: 5})
	p.on("mtime before 1970").is(p.stat("f").Mtim)
	set("1970", f, unix.Timespec{}, unix.Timespec{})
	p.on("mtime of 1970").is(p.stat("f").Mtim)
	set("after 2106", f, unix.Timespec{Sec: 5_000_000_000}, unix.Timespec{Sec: 5_000_000_000})
	p.on("mtime after 2106").is(p.stat("f").Mtim.Sec)
	set("what is absent", p.path("absent"), old, old)

	// What a call moves to now.
	moved := func(call, name string, do func() error) {
		set("prepare "+call, p.path(name), old, old)
		before := p.stat(name)
		pause()
		p.on(call).err(do())
		st := p.stat(name)
		p.on(call + " moves mtime").is(st.Mtim != before.Mtim)
		p.on(call + " moves ctime").is(st.Ctim != before.Ctim)
	}
	moved("write", "f", func() error { _, err := unix.Pwrite(fd, []byte("x"), 0); return err })
	moved("read", "f", func() error { _, err := unix.Pread(fd, make([]byte, 1), 0); return err })
	p.on("read moves atime").is(p.stat("f").Atim != old)
	moved("write of nothing", "f", func() error { _, err := unix.Write(fd, nil); return err })
	moved("truncate", "f", func() error { return unix.Truncate(f, 3) })
	moved("truncate to the same size", "f", func() error { return unix.Truncate(f, 3) })
	moved("ftruncate to the same size", "f", func() error { return unix.Ftruncate(fd, 3) })
	moved("O_TRUNC", "f", func() error { return os.Truncate(f, 0) })
	moved("fallocate", "f", func() error { return unix.Fallocate(fd, 0, 0, 5000) })
	moved("chmod", "f", func() error { return unix.Chmod(f, 0o600) })
	moved("chown to the same", "f", func() error { return unix.Chown(f, -1, os.Getegid()) })
	moved("rename of the file", "f", func() error {
		err := unix.Rename(f, f+"2")
		p.must(unix.Rename(f+"2", f))
		return err
	})
	moved("create in a folder", "dir", func() error { return os.WriteFile(dir+"/f", nil, 0o644) })
	moved("write in a folder", "dir", func() error { return os.WriteFile(dir+"/f", []byte("x"), 0o644) })
	moved("list a folder", "dir", func() error { _, err := os.ReadDir(dir); return err })
	moved("mkdir in a folder", "dir", func() error { return unix.Mkdir(dir+"/sub", 0o755) })
	moved("rename in a folder", "dir", func() error { return unix.Rename(dir+"/f", dir+"/g") })
	moved("unlink in a folder", "dir", func() error { return unix.Unlink(dir + "/g") })
	moved("rmdir in a folder", "dir", func() error { return unix.Rmdir(dir + "/sub") })
	moved("rename of the folder", "dir", func() error {
		err := unix.Rename(dir, dir+"2")
		p.must(unix.Rename(dir+"2", dir))
		return err
	})
}

func modesScript(p *posix) {
	f, dir := p.file("f", "content"), p.folder("dir")
	root := os.Geteuid() == 0
	for _, mode := range []uint32{0, 0o400, 0o755, 0o4755, 0o2755, 0o1755, 0o7777, 0o644} {
		for _, name := range []string{"f", "dir"} {
			call := fmt.Sprintf("chmod %04o %s", mode, name)
			p.on(call).err(unix.Chmod(p.path(name), mode))
			p.on(call + " gives").is(p.stat(name).Mode)
		}
	}
	p.must(unix.Chmod(dir, 0o755))
	p.on("fchmod").err(unix.Fchmod(p.fd("f", unix.O_RDONLY), 0o640))
	p.on("fchmodat without following").err(unix.Fchmodat(unix.AT_FDCWD, f, 0o600, unix.AT_SYMLINK_NOFOLLOW))
	p.on("chmod of what is absent").err(unix.Chmod(p.path("absent"), 0o600))
	p.on("chown to another").err(unix.Chown(f, 12, 34))
	p.on("chown of the group to another").err(unix.Chown(f, -1, 34))
	p.on("chown to oneself").err(unix.Chown(f, os.Geteuid(), os.Getegid()))
	p.on("chown of nothing").err(unix.Chown(f, -1, -1))
	p.on("fchown").err(unix.Fchown(p.fd("f", unix.O_RDONLY), os.Geteuid(), -1))
	if root {
		p.must(unix.Chown(f, 12, 34))
		st := p.stat("f")
		p.on("owners").is([]uint32{st.Uid, st.Gid})
		p.must(unix.Chmod(f, 0o6755))
		p.must(unix.Chown(f, 13, 35))
	}
	p.on("mode after chown").is(p.stat("f").Mode)
	p.must(unix.Chmod(f, 0o6777))
	_, err := unix.Pwrite(p.fd("f", unix.O_WRONLY), []byte("x"), 0)
	p.must(err)
	p.on("mode after a write").is(p.stat("f").Mode)
	p.must(unix.Chmod(f, 0o6777))
	p.must(unix.Truncate(f, 1))
	p.on("mode after truncate").is(p.stat("f").Mode)
	g := p.file("g", "x")
	p.must(unix.Chmod(g, 0o444))
	p.on("unlink of what is read-only").err(unix.Unlink(g))
}

// setGroupScript looks at what is made in a folder whose group others get.
func setGroupScript(p *posix) {
	dir := p.folder("dir")
	if os.Geteuid() == 0 {
		p.must(unix.Chown(dir, -1, 34))
	}
	p.must(unix.Chmod(dir, 0o2755))
	p.file("dir/f", "")
	p.folder("dir/sub")
	p.must(unix.Mknod(dir+"/made", unix.S_IFREG|0o644, 0))
	for _, name := range []string{"dir/f", "dir/sub", "dir/made"} {
		st := p.stat(name)
		p.on(name + " has the group").is(st.Gid == p.stat("dir").Gid)
		p.on(name + " has the mode").is(st.Mode)
	}
	if os.Geteuid() != 0 {
		return
	}
	// The sticky bit: only the owner removes.
	p.must(unix.Chmod(dir, 0o1777))
	p.must(unix.Chown(dir+"/f", 12, 12))
	p.on("unlink in a sticky folder").err(unix.Unlink(dir + "/f"))
}

func xattrScript(p *posix) {
	f, dir := p.file("f", "content"), p.folder("dir")
	b := make([]byte, 1000)
	for _, name := range []string{"user.mine", "trusted.mine", "security.mine", "security.capability", "system.posix_acl_access", "system.posix_acl_default", "other.mine", "none"} {
		p.on("get " + name).n(unix.Getxattr(f, name, b))
		p.on("set " + name).err(unix.Setxattr(f, name, []byte("value"), 0))
		p.on("set " + name + " of a folder").err(unix.Setxattr(dir, name, []byte("value"), 0))
		p.on("remove " + name).err(unix.Removexattr(f, name))
	}
	p.on("set with XATTR_REPLACE").err(unix.Setxattr(f, "user.mine", nil, unix.XATTR_REPLACE))
	p.on("set with XATTR_CREATE").err(unix.Setxattr(f, "user.mine", nil, unix.XATTR_CREATE))
	p.on("set with an unknown flag").err(unix.Setxattr(f, "user.mine", nil, 99))
	p.on("set with a long name").err(unix.Setxattr(f, "user."+strings.Repeat("n", 300), nil, 0))
	p.on("set more than 64 KiB").err(unix.Setxattr(f, "user.mine", make([]byte, 70_000), 0))
	p.on("set without a name").err(unix.Setxattr(f, "", nil, 0))
	n, err := unix.Listxattr(f, b)
	p.on("list").err(err)
	p.on("list shows what was set").is(bytes.Contains(b[:max(n, 0)], []byte("user.mine")))
	p.on("get by fd").n(unix.Fgetxattr(p.fd("f", unix.O_RDONLY), "user.mine", b))
	// An access control list that says what the mode says.
	acl := []byte{2, 0, 0, 0, 1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff, 4, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, 0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff}
	p.on("set an access control list").err(unix.Setxattr(f, "system.posix_acl_access", acl, 0))
	p.on("set one for what is new").err(unix.Setxattr(dir, "system.posix_acl_default", acl, 0))
}

func statfsScript(p *posix) {
	var st unix.Statfs_t
	p.on("statfs").err(unix.Statfs(p.file("f", "content"), &st))
	p.on("fstatfs").err(unix.Fstatfs(p.fd("f", unix.O_RDONLY), &st))
	p.on("names").is(st.Namelen)
	p.on("the unit").is(st.Bsize)
	p.on("there is room").is(st.Bavail > 0 && st.Bavail <= st.Bfree && st.Bfree <= st.Blocks)
	p.on("there is room for files").is(st.Ffree > 0 && st.Ffree <= st.Files)
	p.on("nosuid").is(st.Flags&unix.ST_NOSUID != 0)
	p.on("nodev").is(st.Flags&unix.ST_NODEV != 0)
	p.on("noexec").is(st.Flags&unix.ST_NOEXEC != 0)
	p.on("read-only").is(st.Flags&unix.ST_RDONLY != 0)
}

func ioctlScript(p *posix) {
	p.file("f", "content")
	fd, dir := p.fd("f", unix.O_RDWR), p.fd(".", unix.O_RDONLY)
	_, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	p.on("FIONREAD").err(err)
	_, err = unix.IoctlGetInt(fd, unix.TCGETS)
	p.on("TCGETS").err(err)
	_, err = unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	p.on("FS_IOC_GETFLAGS").err(err)
	_, err = unix.IoctlGetInt(dir, unix.FS_IOC_GETFLAGS)
	p.on("FS_IOC_GETFLAGS of a folder").err(err)
	const figetbsz, fiemap = 2, 0xc020660b
	n, err := unix.IoctlGetInt(fd, figetbsz)
	p.on("FIGETBSZ").n(n, err)
	var extents [8]uint64
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), fiemap, uintptr(unsafe.Pointer(&extents)))
	p.on("FIEMAP").is(e == 0)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_GET_SEALS, 0)
	p.on("F_GET_SEALS").err(err)
	_, err = unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 4096)
	p.on("F_SETPIPE_SZ").err(err)
}

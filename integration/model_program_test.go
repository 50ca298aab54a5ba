package integration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// program is one of those that use a drive at the same time. Nobody else changes
// what is in its folders.
type program struct {
	n      int
	dir    string // of the run, on the drive
	model  *entry // of the run
	open   [2]openFile
	stable map[string]string // ids on the service of what was never away, by path
	settle time.Duration
	log    func(format string, args ...any)
	serial int // of contents
	result string
	wrong  error
}

type openFile struct {
	f             *os.File
	e             *entry
	reads, writes bool
	wrote         bool // since it was saved
}

// at returns a path in the folder of the run. The first program works in two.
func (p *program) at(path string) string {
	if p.n == 0 && (path[0] == 'd' || path[0] == 'x') {
		return "shared/" + path
	}
	return fmt.Sprintf("w%d/%s", p.n, path)
}

func (p *program) onDrive(path string) string { return filepath.Join(p.dir, path) }

func (p *program) content(size int) []byte {
	p.serial++
	return content(fmt.Sprint(p.n, " ", p.serial), size)
}

// run does operations until one has another result than the model.
func (p *program) run(ops []op) {
	for _, o := range ops {
		if p.wrong != nil {
			return
		}
		p.log("program %d: %s", p.n, o)
		p.result = ""
		err := p.do(o)
		p.log("program %d: %s:%s", p.n, o.kind, p.result)
		if err != nil {
			p.log("program %d: WRONG: %v", p.n, err)
			p.wrong = fmt.Errorf("program %d: %s: %w", p.n, o, err)
		}
	}
}

// same compares the error of a call with that of the model.
func (p *program) same(call string, err error, want syscall.Errno) error {
	var got syscall.Errno
	p.result += fmt.Sprintf(" %s %v;", call, err)
	if err != nil && !errors.As(err, &got) {
		return fmt.Errorf("%s: %w, which is no errno", call, err)
	}
	if got != want {
		return fmt.Errorf("%s is %q (%v), want %q", call, got.Error(), err, want.Error())
	}
	return nil
}

func (p *program) do(o op) error {
	path, to := o.path, o.to
	if path != "" {
		path = p.at(path)
	}
	if to != "" {
		to = p.at(to)
	}
	switch o.kind {
	case "pause":
		time.Sleep(time.Duration(o.size) * time.Millisecond)
		return nil
	case "look":
		return p.look()
	case "read", "list":
		_, e, errno := p.model.find(path)
		if e == nil && errno == 0 {
			errno = syscall.ENOENT
		}
		return p.compare(path, e, errno, true)
	case "write":
		return p.write(path, os.O_CREATE|os.O_TRUNC, 0, o.size)
	case "create":
		return p.write(path, os.O_CREATE|os.O_EXCL, 0, o.size)
	case "append":
		return p.write(path, os.O_APPEND, -1, o.size)
	case "patch":
		return p.write(path, 0, o.off, o.size)
	case "truncate":
		return p.truncate(path, o.size)
	case "mkdir":
		return p.same("mkdir", syscall.Mkdir(p.onDrive(path), 0o755), p.model.mkdir(path))
	case "remove", "rmdir":
		return p.remove(path, o.kind == "rmdir")
	case "rename":
		return p.rename(path, to, o.flags)
	case "save by rename":
		if err := p.write(to, os.O_CREATE|os.O_TRUNC, 0, o.size); err != nil {
			return err
		}
		return p.rename(to, path, 0)
	case "save by shell":
		return p.saveByShell(path, o.size)
	case "save aside":
		return p.saveAside(path, o.size)
	case "open":
		return p.openSlot(path, o)
	}
	return p.useSlot(path, o)
}

// write opens a file, writes to it and closes it; at -1 it appends.
func (p *program) write(path string, flags, off, size int) error {
	data := p.content(size)
	e, want := p.model.open(path, flags|os.O_WRONLY)
	f, err := os.OpenFile(p.onDrive(path), flags|os.O_WRONLY, 0o644)
	if wrong := p.same("open", err, want); wrong != nil || err != nil {
		return wrong
	}
	if flags&os.O_APPEND != 0 {
		off = len(e.data)
		_, err = f.Write(data)
	} else {
		_, err = f.WriteAt(data, int64(off))
	}
	e.write(off, data)
	wrong := p.same("write", err, 0)
	e.saved()
	return errors.Join(wrong, p.same("close", f.Close(), 0))
}

func (p *program) truncate(path string, size int) error {
	_, e, want := p.model.find(path)
	switch {
	case want != 0:
	case e == nil:
		want = syscall.ENOENT
	case e.dir:
		want = syscall.EISDIR
	default:
		was := e.unsaved
		if e.truncate(size); was == nil {
			e.saved()
		}
	}
	return p.same("truncate", syscall.Truncate(p.onDrive(path), int64(size)), want)
}

// away notes that a path, and what is below it, was not there for a moment.
func (p *program) away(path string) {
	for s := range p.stable {
		if s == path || strings.HasPrefix(s, path+"/") {
			delete(p.stable, s)
		}
	}
}

func (p *program) remove(path string, folder bool) error {
	want := p.model.remove(path, folder)
	var err error
	if folder {
		err = syscall.Rmdir(p.onDrive(path))
	} else {
		err = syscall.Unlink(p.onDrive(path))
	}
	if want == 0 {
		p.away(path)
	}
	return p.same("remove", err, want)
}

func (p *program) rename(from, to string, flags int) error {
	done, want := p.model.rename(from, to, flags)
	if done && flags != exchange {
		p.away(from)
		if _, e, _ := p.model.find(to); e.dir {
			p.away(to)
		}
	}
	if done && (localOnly(from) || localOnly(to)) { // what comes to such a name leaves the service
		p.away(from)
		p.away(to)
	}
	return p.same("rename", renameWith(p.onDrive(from), p.onDrive(to), flags), want)
}

// localOnly reports whether a path stays on this machine, or what it is in.
func localOnly(path string) bool {
	return slices.ContainsFunc(strings.Split(path, "/"), func(name string) bool { return name == ".l.swp" || name == ".l.swp~" || name == ".t.swp" })
}

// saveByShell is a save by a process of its own.
func (p *program) saveByShell(path string, size int) error {
	data, temporary := p.content(size), path+".sh"
	cmd := exec.Command("sh", "-c", `cat > "$1" && mv -fT "$1" "$2"`, "sh", p.onDrive(temporary), p.onDrive(path))
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	e, want := p.model.open(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if want == 0 {
		e.write(0, data)
		e.saved()
		var done bool
		if done, want = p.model.rename(temporary, path, 0); done {
			p.away(temporary)
		}
	}
	if (err == nil) != (want == 0) {
		return fmt.Errorf("the shell: %v, %s; want %v", err, out, want)
	}
	return nil
}

// saveAside is a save that moves the old file out of the way.
func (p *program) saveAside(path string, size int) error {
	_, e, _ := p.model.find(path)
	if e == nil || e.dir {
		return nil
	}
	id, began := p.stable[path], time.Now()
	if err := p.rename(path, path+"~", 0); err != nil {
		return err
	}
	if _, still, _ := p.model.find(path); still != nil { // the backup of an earlier one is a folder
		return nil
	}
	if err := p.write(path, os.O_CREATE|os.O_EXCL, 0, size); err != nil {
		return err
	}
	if id != "" && time.Since(began) < p.settle {
		p.stable[path] = id // in one settle it is one change of the file
	}
	return p.remove(path+"~", false)
}

// look reads what another program changes, which gives any content but no error.
func (p *program) look() error {
	return filepath.WalkDir(p.onDrive("shared"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			_, err = os.ReadFile(path)
		}
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EISDIR) {
			return nil
		}
		return err
	})
}

// compare compares what is at a path with the model: what kind it is and how large,
// what a folder holds, and if deep the content of a file.
func (p *program) compare(path string, e *entry, want syscall.Errno, deep bool) error {
	info, err := os.Lstat(p.onDrive(path))
	if wrong := p.same("stat", err, want); wrong != nil || err != nil {
		return wrong
	}
	if info.IsDir() != e.dir {
		return fmt.Errorf("%s is %v", path, info.Mode())
	}
	if e.dir {
		return p.compareFolder(path, e)
	}
	if info.Size() != int64(len(e.data)) {
		return fmt.Errorf("%s has a size of %d, want %d", path, info.Size(), len(e.data))
	}
	if !deep {
		return nil
	}
	data, err := os.ReadFile(p.onDrive(path))
	if err != nil {
		return err
	}
	return sameBytes(path, data, e.data)
}

func (p *program) compareFolder(path string, e *entry) error {
	names, err := os.ReadDir(p.onDrive(path))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, n := range names {
		c := e.children[n.Name()]
		if c == nil || c.dir != n.IsDir() || seen[n.Name()] {
			return fmt.Errorf("%s shows %s (folder: %v)", path, n.Name(), n.IsDir())
		}
		seen[n.Name()] = true
	}
	for name := range e.children {
		if !seen[name] {
			return fmt.Errorf("%s does not show %s", path, name)
		}
	}
	return nil
}

func sameBytes(path string, got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Errorf("%s has %d bytes, want %d; the first %d are right, then %.12x, want %.12x", path, len(got), len(want), i, got[i:], want[i:])
}

// readAll reads what is open from its beginning.
func readAll(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
}

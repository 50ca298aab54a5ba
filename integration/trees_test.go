package integration

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// samples is a tree of files of many sizes.
func samples() map[string]string {
	all := map[string]string{"/a": "dir", "/a/b": "dir", "/a/b/c": "dir", "/a/empty folder": "dir", "/ünï": "dir"}
	for i, dir := range []string{"", "/a", "/a/b", "/a/b/c", "/ünï"} {
		for j, size := range []int{0, 1, 100, 4096, 100_000} {
			all[fmt.Sprintf("%s/file %d-%d.txt", dir, i, j)] = string(content(fmt.Sprint(i, j), size))
		}
	}
	return all
}

// putTree writes files into a folder beside the mount.
func (d *drive) putTree(root string, all map[string]string) {
	d.t.Helper()
	for p, c := range all {
		if c == "dir" {
			if err := os.MkdirAll(filepath.Join(d.home, root, p), 0o755); err != nil {
				d.t.Fatal(err)
			}
			continue
		}
		d.put(filepath.Join(root, p), c)
	}
}

func below(dir string, all map[string]string) map[string]string {
	m := map[string]string{dir: "dir"}
	for p, c := range all {
		m[dir+p] = c
	}
	return m
}

// TestTreeCopies copies trees in and again: what has not changed is not sent again.
func TestTreeCopies(t *testing.T) {
	for _, c := range []struct{ name, need, first, again string }{
		{"rsync -a", "rsync", `rsync -a "$HOME/src/" dst/`, `rsync -ai "$HOME/src/" dst/`},
		{"rsync -a --inplace", "rsync", `rsync -a --inplace "$HOME/src/" dst/`, `rsync -ai --inplace "$HOME/src/" dst/`},
		{"rsync -a --delete", "rsync", `rsync -a --delete "$HOME/src/" dst/`, `rsync -ai --delete "$HOME/src/" dst/`},
		{"cp -a", "cp", `cp -a "$HOME/src" dst`, `cp -auv "$HOME/src/." dst | grep -v '/$' | grep -- '->' | grep -v "^'.*' -> '.*'$"; true`},
		{"cp -rp", "cp", `cp -rp "$HOME/src" dst`, `cp -rpu "$HOME/src/." dst`},
		{"tar", "tar", `mkdir dst && tar c -C "$HOME/src" . | tar x -C dst`, `tar c -C "$HOME/src" . | tar d -C dst`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantPrograms(t, c.need)
			d := dancing(t, nil)
			all := samples()
			d.putTree("src", all)
			d.sh(c.first)
			d.settled(60 * time.Second)
			d.wantService(below("/dst", all))
			again := func(when string) {
				t.Helper()
				got := d.calls(func() {
					if out := d.sh(c.again); out != "" {
						t.Errorf("%s, %s finds differences:\n%s", when, c.again, out)
					}
					time.Sleep(1500 * time.Millisecond)
					d.settled(20 * time.Second)
				})
				wantWrites(t, got, nil)
			}
			again("at once")
			d.remount()
			again("after a remount")
			d.wantSame(below("/dst", all))
		})
	}
}

// TestUnzip unpacks an archive, and again over what is there.
func TestUnzip(t *testing.T) {
	wantPrograms(t, "unzip")
	d := dancing(t, nil)
	all := samples()
	delete(all, "/a/empty folder")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for p, c := range all {
		if c == "dir" {
			continue
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: strings.TrimPrefix(p, "/"), Method: zip.Deflate, Modified: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(c)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	d.put("files.zip", b.String())
	d.sh(`unzip -q "$HOME/files.zip" -d dst`)
	d.settled(60 * time.Second)
	d.wantService(below("/dst", all))
	ids := map[string]string{}
	for _, it := range d.emu.Items(d.app, "public") {
		ids[it.Path()] = it.ID
	}
	got := d.calls(func() {
		d.sh(`unzip -qo "$HOME/files.zip" -d dst`)
		d.settled(60 * time.Second)
	})
	wantWrites(t, got, nil)
	for p, id := range ids {
		if now := d.id(p); now != id {
			t.Errorf("%s has another id", p)
		}
	}
	d.wantSame(below("/dst", all))
}

// TestGit works with a repository in the mount.
func TestGit(t *testing.T) {
	wantPrograms(t, "git")
	d := dancing(t, nil)
	d.sh(`set -e
		git init -q repo && cd repo
		git config user.name me && git config user.email me@example.com
		for i in 1 2 3 4 5 6 7 8 9 10; do echo "file $i" > f$i; done
		mkdir dir && echo deep > dir/deep
		git add . && git commit -qm first
		sed -i s/file/FILE/ f3 && echo new > f11 && git rm -q f4
		git add . && git commit -qm second
		git fsck --strict`)
	d.settled(90 * time.Second)
	d.sh(`set -e
		cd repo
		git checkout -qb branch && echo branch > dir/deep && git commit -qam third
		git checkout -q - && git merge -q branch
		git gc -q && git fsck --strict
		cd .. && git clone -q repo clone && cd clone && git fsck --strict && git log --oneline | wc -l`)
	d.settled(90 * time.Second)
	// git status writes the index of what it looks at.
	if out := d.sh("cp -a . \"$HOME/copy\" && cp -a . \"$HOME/used\" && cd \"$HOME/used/repo\" && git fsck --strict && git status --porcelain && cd ../clone && git fsck && git status --porcelain"); out != "" {
		t.Errorf("git says of a copy: %s", out)
	}
	for p := range d.service() {
		if strings.HasSuffix(p, ".lock") || strings.Contains(p, "/tmp_") {
			t.Errorf("%s is left on the service", p)
		}
	}
	d.wantSame(tree(t, filepath.Join(d.home, "copy")))
	d.sh("cd repo && git fsck --strict && git log && cd ../clone && git pull -q && git fsck --strict")
}

package integration

import "testing"

// TestConflictInARenamedFolder renames the folder of a conflict, and then the file
// of somebody else: what is shown of the conflict follows.
func TestConflictInARenamedFolder(t *testing.T) {
	for _, sent := range []bool{false, true} {
		t.Run(map[bool]string{false: "owed", true: "sent"}[sent], func(t *testing.T) {
			t.Parallel()
			named := here()
			d := dancing(t, filled(map[string]string{"/a/d/f.txt": "before"}), noSettle...)
			d.sh("cat a/d/f.txt > /dev/null; echo -n ours > a/d/f.txt")
			d.change([][]string{{"put", "/a/d/f.txt", "theirs"}})
			d.flush()
			want := func(files, conflicts map[string]string) {
				t.Helper()
				files, conflicts = named.put(files), named.put(conflicts)
				if sent {
					d.flush()
				}
				d.wantConflicts(conflicts)
				d.wantConflictAttributes(files, conflicts)
			}
			d.sh("mv a/d b")
			want(map[string]string{"/a": "dir", "/b": "dir", "/b/f.txt": "theirs", "/b/f (conflict DATE HOST).txt": "ours"},
				map[string]string{"/b/f (conflict DATE HOST).txt": "/b/f.txt"})
			d.sh("mv b/f.txt a/g")
			files, conflicts := map[string]string{"/a": "dir", "/a/g": "theirs", "/b": "dir", "/b/f (conflict DATE HOST).txt": "ours"},
				map[string]string{"/b/f (conflict DATE HOST).txt": "/a/g"}
			want(files, conflicts)
			d.flush()
			d.wantSame(named.put(files))
			want(files, conflicts)
			d.sh("rm b/*")
			delete(files, "/b/f (conflict DATE HOST).txt")
			want(files, nil)
		})
	}
}

// TestConflictAttributeOfBothSpaces has the path of the other version begin at the
// mount.
func TestConflictAttributeOfBothSpaces(t *testing.T) {
	t.Parallel()
	named := here()
	d := mounted(t, filled(map[string]string{"/d/f.txt": "before"}), noSettle...)
	d.sh("cat public/d/f.txt > /dev/null; echo -n ours > public/d/f.txt")
	d.change([][]string{{"put", "/d/f.txt", "theirs"}})
	d.flush()
	all := named.put(map[string]string{"/public": "dir", "/public/d": "dir", "/public/d/f.txt": "theirs", "/public/d/f (conflict DATE HOST).txt": "ours"})
	d.wantMount(withPrivate(all))
	d.wantConflictAttributes(all, named.put(map[string]string{"/public/d/f (conflict DATE HOST).txt": "/public/d/f.txt"}))
	// It is copied along and changes nothing, as the others.
	wantPrograms(t, "rsync setfattr")
	d.sh("rsync -aX public/d/ public/copy; setfattr -n " + conflictAttribute + " -v x public/copy/f.txt")
	d.wantConflictAttributes(map[string]string{"/public/copy/f.txt": ""}, nil)
}

func withPrivate(all map[string]string) map[string]string {
	all["/private"] = "dir"
	return all
}

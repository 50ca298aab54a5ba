package integration

// cell is one change here that meets one elsewhere, and what becomes of it. All
// paths are of a folder that the cell has for itself.
type cell struct {
	here, elsewhere string            // in words
	before          map[string]string // nil: d/f.txt alone
	script          string            // what is done here
	others          [][]string        // what is done elsewhere: "put" path content, "dir" path, "remove" path, "move" path path
	// What everybody has in the end; DATE and HOST stand for those of today and here.
	want      map[string]string
	conflicts map[string]string // this machine's version, by path: the other
	why       string            // where it does not go without saying
}

// Contents say who wrote them: "before" is what both knew.
var oneFile = map[string]string{"d": "dir", "d/f.txt": "before"}

// What is done here, in the six ways.
const (
	edits       = "echo -n ours > d/f.txt"
	replaces    = "echo -n ours > d/f.new; mv d/f.new d/f.txt"
	creates     = "echo -n ours > d/n.txt"
	deletes     = "rm d/f.txt"
	moves       = "mv d/f.txt d/m.txt"
	movesFolder = "mv d e"
)

var (
	bothOfF  = map[string]string{"d": "dir", "d/f.txt": "theirs", "d/f (conflict DATE HOST).txt": "ours"}
	twiceF   = map[string]string{"d/f (conflict DATE HOST).txt": "d/f.txt"}
	oursOfF  = map[string]string{"d": "dir", "d/f.txt": "ours"}
	theirs   = map[string]string{"d": "dir", "d/f.txt": "theirs"}
	oursAndX = map[string]string{"d": "dir", "d/f.txt": "ours", "d/x.txt": "before"}
	emptyD   = map[string]string{"d": "dir"}
)

// matrix is each way of changing something here against each elsewhere.
var matrix = []cell{
	{here: "edited in place", elsewhere: "nothing", script: edits, want: oursOfF},
	{here: "edited in place", elsewhere: "changed", script: edits, others: [][]string{{"put", "d/f.txt", "theirs"}}, want: bothOfF, conflicts: twiceF},
	{here: "edited in place", elsewhere: "deleted", script: edits, others: [][]string{{"remove", "d/f.txt"}}, want: oursOfF},
	{here: "edited in place", elsewhere: "moved", script: edits, others: [][]string{{"move", "d/f.txt", "d/x.txt"}}, want: oursAndX},
	{here: "edited in place", elsewhere: "deleted and created", script: edits, others: [][]string{{"remove", "d/f.txt"}, {"put", "d/f.txt", "theirs"}},
		want: bothOfF, conflicts: twiceF},

	{here: "saved by renaming", elsewhere: "nothing", script: replaces, want: oursOfF},
	{here: "saved by renaming", elsewhere: "changed", script: replaces, others: [][]string{{"put", "d/f.txt", "theirs"}}, want: bothOfF, conflicts: twiceF},
	{here: "saved by renaming", elsewhere: "deleted", script: replaces, others: [][]string{{"remove", "d/f.txt"}}, want: oursOfF},
	{here: "saved by renaming", elsewhere: "moved", script: replaces, others: [][]string{{"move", "d/f.txt", "d/x.txt"}}, want: oursAndX},
	{here: "saved by renaming", elsewhere: "deleted and created", script: replaces, others: [][]string{{"remove", "d/f.txt"}, {"put", "d/f.txt", "theirs"}},
		want: bothOfF, conflicts: twiceF},

	{here: "created", elsewhere: "nothing", script: creates, want: map[string]string{"d": "dir", "d/f.txt": "before", "d/n.txt": "ours"}},
	{here: "created", elsewhere: "another file changed", script: creates, others: [][]string{{"put", "d/f.txt", "theirs"}},
		want: map[string]string{"d": "dir", "d/f.txt": "theirs", "d/n.txt": "ours"}},
	{here: "created", elsewhere: "its folder deleted", script: creates, others: [][]string{{"remove", "d"}},
		want: map[string]string{"d": "dir", "d/n.txt": "ours"}, why: "the folder is made anew for it"},
	{here: "created", elsewhere: "its folder moved", script: creates, others: [][]string{{"move", "d", "x"}},
		want: map[string]string{"d": "dir", "d/n.txt": "ours", "x": "dir", "x/f.txt": "before"}, why: "it is found where it was saved"},
	{here: "created", elsewhere: "created", script: creates, others: [][]string{{"put", "d/n.txt", "theirs"}},
		want:      map[string]string{"d": "dir", "d/f.txt": "before", "d/n.txt": "theirs", "d/n (conflict DATE HOST).txt": "ours"},
		conflicts: map[string]string{"d/n (conflict DATE HOST).txt": "d/n.txt"}},

	{here: "deleted", elsewhere: "nothing", script: deletes, want: emptyD},
	{here: "deleted", elsewhere: "changed", script: deletes, others: [][]string{{"put", "d/f.txt", "theirs"}}, want: theirs},
	{here: "deleted", elsewhere: "deleted", script: deletes, others: [][]string{{"remove", "d/f.txt"}}, want: emptyD},
	{here: "deleted", elsewhere: "moved", script: deletes, others: [][]string{{"move", "d/f.txt", "d/x.txt"}},
		want: map[string]string{"d": "dir", "d/x.txt": "before"}, why: "somebody still wants it"},
	{here: "deleted", elsewhere: "deleted and created", script: deletes, others: [][]string{{"remove", "d/f.txt"}, {"put", "d/f.txt", "theirs"}}, want: theirs},

	{here: "moved", elsewhere: "nothing", script: moves, want: map[string]string{"d": "dir", "d/m.txt": "before"}},
	{here: "moved", elsewhere: "changed", script: moves, others: [][]string{{"put", "d/f.txt", "theirs"}},
		want: map[string]string{"d": "dir", "d/m.txt": "theirs"}, why: "the change goes along"},
	{here: "moved", elsewhere: "deleted", script: moves, others: [][]string{{"remove", "d/f.txt"}},
		want: map[string]string{"d": "dir", "d/m.txt": "before"}, why: "as far as its bytes are on this machine; else it is gone"},
	{here: "moved", elsewhere: "moved to another name", script: moves, others: [][]string{{"move", "d/f.txt", "d/x.txt"}},
		want: map[string]string{"d": "dir", "d/m.txt": "before", "d/x.txt": "before"}, why: "both names"},
	{here: "moved", elsewhere: "its new name created", script: moves, others: [][]string{{"put", "d/m.txt", "theirs"}},
		want:      map[string]string{"d": "dir", "d/m.txt": "theirs", "d/m (conflict DATE HOST).txt": "before"},
		conflicts: map[string]string{"d/m (conflict DATE HOST).txt": "d/m.txt"}},

	{here: "folder moved", elsewhere: "nothing", script: movesFolder, want: map[string]string{"e": "dir", "e/f.txt": "before"}},
	{here: "folder moved", elsewhere: "a file in it changed", script: movesFolder, others: [][]string{{"put", "d/f.txt", "theirs"}},
		want: map[string]string{"e": "dir", "e/f.txt": "theirs"}, why: "the change goes along"},
	{here: "folder moved", elsewhere: "deleted", script: movesFolder, others: [][]string{{"remove", "d"}},
		want: map[string]string{}, why: "nothing was written here that would have to be kept"},
	{here: "folder moved", elsewhere: "moved to another name", script: movesFolder, others: [][]string{{"move", "d", "x"}},
		want: map[string]string{"x": "dir", "x/f.txt": "before"}, why: "the first move counts"},
	{here: "folder moved", elsewhere: "a file created in it", script: movesFolder, others: [][]string{{"put", "d/n.txt", "theirs"}},
		want: map[string]string{"e": "dir", "e/f.txt": "before", "e/n.txt": "theirs"}, why: "the new file goes along"},
}

// corners are cells besides.
var corners = []cell{
	{here: "edited in place", elsewhere: "changed to the same bytes", script: "echo -n same > d/f.txt", others: [][]string{{"put", "d/f.txt", "same"}},
		want: map[string]string{"d": "dir", "d/f.txt": "same"}},
	{here: "created", elsewhere: "created with the same bytes", script: "echo -n same > d/n.txt", others: [][]string{{"put", "d/n.txt", "same"}},
		want: map[string]string{"d": "dir", "d/f.txt": "before", "d/n.txt": "same"}},
	{here: "moved", elsewhere: "moved to the same name", script: moves, others: [][]string{{"move", "d/f.txt", "d/m.txt"}},
		want: map[string]string{"d": "dir", "d/m.txt": "before"}},
	{here: "moved and edited", elsewhere: "changed", script: moves + "; echo -n ours > d/m.txt", others: [][]string{{"put", "d/f.txt", "theirs"}},
		want: map[string]string{"d": "dir", "d/f.txt": "theirs", "d/m.txt": "ours"}},
	{here: "moved over another file", elsewhere: "that file changed", before: map[string]string{"d": "dir", "d/f.txt": "before", "d/m.txt": "old"},
		script: moves, others: [][]string{{"put", "d/m.txt", "theirs"}},
		want:      map[string]string{"d": "dir", "d/m.txt": "theirs", "d/m (conflict DATE HOST).txt": "before"},
		conflicts: map[string]string{"d/m (conflict DATE HOST).txt": "d/m.txt"}},
	{here: "moved to a folder", elsewhere: "that folder deleted", before: map[string]string{"d": "dir", "d/f.txt": "before", "t": "dir", "t/g": "old"},
		script: "mv d/f.txt t/", others: [][]string{{"remove", "t"}},
		want: map[string]string{"d": "dir", "t": "dir", "t/f.txt": "before"}, why: "the folder is made anew for it"},
	{here: "folder created, with a file", elsewhere: "a file created", script: "mkdir n; echo -n ours > n/f", others: [][]string{{"put", "n", "theirs"}},
		want:      map[string]string{"d": "dir", "d/f.txt": "before", "n": "theirs", "n (conflict DATE HOST)": "dir", "n (conflict DATE HOST)/f": "ours"},
		conflicts: map[string]string{"n (conflict DATE HOST)": "n"}},
	{here: "created", elsewhere: "a folder created, with a file", script: "echo -n ours > n", others: [][]string{{"put", "n/f", "theirs"}},
		want:      map[string]string{"d": "dir", "d/f.txt": "before", "n": "dir", "n/f": "theirs", "n (conflict DATE HOST)": "ours"},
		conflicts: map[string]string{"n (conflict DATE HOST)": "n"}},
	{here: "folder created, with a file", elsewhere: "a folder created, with a file", script: "mkdir n; echo -n ours > n/f", others: [][]string{{"put", "n/g", "theirs"}},
		want: map[string]string{"d": "dir", "d/f.txt": "before", "n": "dir", "n/f": "ours", "n/g": "theirs"}, why: "folders that both made are one"},
	{here: "folder deleted", elsewhere: "a file added to it", script: "rm -r d || true", others: [][]string{{"put", "d/n.txt", "theirs"}},
		want: map[string]string{"d": "dir", "d/n.txt": "theirs"}, why: "a folder takes nothing with it that was not seen here"},
	{here: "folder deleted", elsewhere: "a file in it changed", script: "rm -r d || true", others: [][]string{{"put", "d/f.txt", "theirs"}}, want: theirs},
	{here: "folder deleted", elsewhere: "moved", script: "rm -r d", others: [][]string{{"move", "d", "x"}},
		want: map[string]string{"x": "dir", "x/f.txt": "before"}, why: "somebody still wants it"},
	{here: "folder deleted", elsewhere: "deleted", script: "rm -r d", others: [][]string{{"remove", "d"}}, want: map[string]string{}},
	{here: "folder moved, a file in it edited", elsewhere: "that file changed", script: "mv d e; echo -n ours > e/f.txt", others: [][]string{{"put", "d/f.txt", "theirs"}},
		want:      map[string]string{"e": "dir", "e/f.txt": "theirs", "e/f (conflict DATE HOST).txt": "ours"},
		conflicts: map[string]string{"e/f (conflict DATE HOST).txt": "e/f.txt"}},
	{here: "a file edited, its folder moved", elsewhere: "that file changed", script: "echo -n ours > d/f.txt; mv d e", others: [][]string{{"put", "d/f.txt", "theirs"}},
		want:      map[string]string{"e": "dir", "e/f.txt": "theirs", "e/f (conflict DATE HOST).txt": "ours"},
		conflicts: map[string]string{"e/f (conflict DATE HOST).txt": "e/f.txt"}},
	{here: "folder moved", elsewhere: "a file in it deleted", before: map[string]string{"d": "dir", "d/f.txt": "before", "d/g.txt": "kept"}, script: movesFolder,
		others: [][]string{{"remove", "d/f.txt"}}, want: map[string]string{"e": "dir", "e/g.txt": "kept"}},
	{here: "folder moved", elsewhere: "a file moved out of it", script: movesFolder, others: [][]string{{"move", "d/f.txt", "x.txt"}},
		want: map[string]string{"e": "dir", "x.txt": "before"}},
	{here: "folder moved", elsewhere: "moved to the same name", script: movesFolder, others: [][]string{{"move", "d", "e"}},
		want: map[string]string{"e": "dir", "e/f.txt": "before"}},
	{here: "folder moved, a file created in it", elsewhere: "deleted", script: movesFolder + "; echo -n ours > e/n.txt", others: [][]string{{"remove", "d"}},
		want: map[string]string{"e": "dir", "e/n.txt": "ours"}},
	{here: "folder moved, a file in it edited", elsewhere: "moved to another name", script: movesFolder + "; echo -n ours > e/f.txt", others: [][]string{{"move", "d", "x"}},
		want: map[string]string{"e": "dir", "e/f.txt": "ours", "x": "dir", "x/f.txt": "before"}},
	{here: "folder moved", elsewhere: "a folder created under its new name", script: movesFolder, others: [][]string{{"put", "e/n.txt", "theirs"}},
		want:      map[string]string{"e": "dir", "e/n.txt": "theirs", "e (conflict DATE HOST)": "dir", "e (conflict DATE HOST)/f.txt": "before"},
		conflicts: map[string]string{"e (conflict DATE HOST)": "e"}},
	{here: "folder moved", elsewhere: "a file created under its new name", script: movesFolder, others: [][]string{{"put", "e", "theirs"}},
		want:      map[string]string{"e": "theirs", "e (conflict DATE HOST)": "dir", "e (conflict DATE HOST)/f.txt": "before"},
		conflicts: map[string]string{"e (conflict DATE HOST)": "e"}},
}

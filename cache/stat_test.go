package cache

import "testing"

// A file that was changed here keeps its size for who knows it by its identity,
// although its name shows something else by now.
func TestSizeOfWhatWasChangedHere(t *testing.T) {
	t.Parallel()
	d := newDesk(t, unsent, "/a")
	id := d.id("/a")
	d.save("/a", "longer than before")
	d.flush()
	d.elsewhere("/a", "by somebody else")
	d.space.Forget("/")
	d.list("/")
	if now := d.id("/a"); now == id {
		t.Fatal("the name still shows what was changed here")
	}
	for _, name := range []string{"a", "b"} {
		if i, ok := d.space.Stat("/", name, id); !ok || i.Size != int64(len("longer than before")) || i.ID != id {
			t.Errorf("at %s it is %+v, %v", name, i, ok)
		}
	}
}

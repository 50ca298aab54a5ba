package integration

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

// TestSQLite works with a database in the mount, which locks and syncs.
func TestSQLite(t *testing.T) {
	t.Parallel()
	wantPrograms(t, "sqlite3")
	d := dancing(t, nil)
	db := func(sql string) string { return d.sh(`sqlite3 my.db "` + sql + `"`) }
	ok := func() {
		t.Helper()
		if out := db("pragma integrity_check"); out != "ok\n" {
			t.Errorf("integrity_check: %s", out)
		}
		d.settled(20 * time.Second)
		data, _ := d.emu.Content(d.app, "public", "/my.db")
		here, err := os.ReadFile(d.path("my.db"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, here) {
			t.Errorf("the service has %d other bytes, here are %d", len(data), len(here))
		}
		d.put("copy.db", string(data))
		if out := d.sh(`sqlite3 "$HOME/copy.db" "pragma integrity_check"`); out != "ok\n" {
			t.Errorf("integrity_check of what the service has: %s", out)
		}
	}
	junk := d.watchNames(map[string]string{"/my.db": ""})
	db("create table t (id integer primary key, v text)")
	ok()
	id := d.id("/my.db")
	db("with recursive n(i) as (select 1 union all select i+1 from n where i < 5000) insert into t select i, 'value ' || i from n")
	db("insert into t (v) values ('one more')")
	ok()
	db("update t set v = 'updated' where id % 3 = 0; begin; delete from t where id % 2 = 0; rollback")
	ok()
	db("delete from t where id > 100; vacuum")
	ok()
	if out := db("select count(*), sum(v = 'updated') from t"); out != "100|33\n" {
		t.Errorf("the table has %s", out)
	}
	// Two at once: the locks of the kernel keep them apart.
	d.sh(`sqlite3 my.db ".timeout 20000" "begin immediate; insert into t (v) values ('x'); commit" & sqlite3 my.db ".timeout 20000" "begin immediate; insert into t (v) values ('y'); commit"; wait`)
	ok()
	if out := db("select count(*) from t"); out != "102\n" {
		t.Errorf("the table has %s", out)
	}
	if d.id("/my.db") != id {
		t.Error("the id changed")
	}
	if names := junk(); len(names) > 0 {
		t.Errorf("the service saw %q", names)
	}
	if out := d.sh(`sqlite3 wal.db "pragma journal_mode=wal; create table t(x); insert into t values (1); select * from t" 2>&1; ls`); !strings.Contains(out, "1\n") {
		t.Errorf("a write-ahead log: %s", out)
	}
}

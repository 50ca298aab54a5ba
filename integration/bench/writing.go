package main

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"losantfs/remote"
)

// target is a drive of a set that holds nothing yet, and how to take both away.
func (b *bench) target(ctx context.Context, program string) (*set, *drive, func(), error) {
	b.homes++
	s, err := b.empty(fmt.Sprintf("empty-%d", b.homes))
	if err != nil {
		return nil, nil, nil, err
	}
	d, away, err := b.fresh(ctx, program, s, mountOptions{uid: os.Geteuid()})
	if err != nil {
		return nil, nil, nil, errors.Join(err, b.drop(s))
	}
	if program == losantfs || program == rclone { // a drive in use knows what is there
		_, err = d.sh(ctx, "ls -l > /dev/null")
	}
	return s, d, func() {
		away()
		if err := b.drop(s); err != nil {
			b.say("%v", err)
		}
	}, err
}

// sends reports whether a program sends what is written to a service.
func sends(program string) bool { return program == losantfs || program == rclone }

// measureCopy copies many small files.
func measureCopy(ctx context.Context, b *bench, program string) error {
	source, err := b.source()
	if err != nil {
		return err
	}
	s, d, away, err := b.target(ctx, program)
	if err != nil {
		return err
	}
	defer away()
	want := map[string]string{}
	err = filepath.WalkDir(source, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		sum, err := md5Of(path)
		want["/copy"+strings.TrimPrefix(path, source)] = sum
		return err
	})
	if err != nil {
		return err
	}
	before, began := b.requests(program), time.Now()
	took, err := d.sh(ctx, "cp -r "+source+" copy")
	if err != nil {
		return err
	}
	b.add("cp", program, took.Seconds())
	if !sends(program) {
		return nil
	}
	arrived, err := wait(ctx, 10*time.Millisecond, func() (bool, error) { return b.holds(program, s, want) })
	if err != nil {
		return err
	}
	b.add("cp-sent", program, arrived.Sub(began).Seconds())
	b.calls("cp-sent", program, (b.requests(program)-before)/copiedFiles)
	_, peak, err := memory(d.cmd.Process.Pid)
	b.add("memory-cp", program, peak)
	return err
}

// holds reports whether the service of a program has files of these MD5s by path.
func (b *bench) holds(program string, s *set, want map[string]string) (bool, error) {
	if program == rclone {
		for path, sum := range want {
			if _, err := os.Stat(s.dir + path); err != nil {
				return false, nil
			}
			if got, err := md5Of(s.dir + path); err != nil || got != sum {
				return false, nil
			}
		}
		return true, nil
	}
	if len(want) > 1 { // looking at all of them costs time that the drive needs
		if counts := b.emu.Counts(); counts.Calls["form"] > 0 && counts.Calls["form"] < int64(len(want)) {
			return false, nil
		}
	}
	for path, sum := range want {
		it, ok := b.emu.Find(s.app, "public", path)
		if !ok || it.Status != "completed" || it.S3ETag != sum {
			return false, nil
		}
	}
	return true, nil
}

// writeScript writes a large file and syncs it.
func writeScript(source string) string {
	return "dd if=" + source + " of=" + bigName + " bs=1M conv=fsync"
}

// measureWrite writes one large file and syncs it.
func measureWrite(ctx context.Context, b *bench, program string) error {
	if err := b.room(6 * gib); err != nil {
		return err
	}
	from, err := b.big(gib)
	if err != nil {
		return err
	}
	source := filepath.Join(from.dir, bigName)
	if program == curl {
		took, err := b.post(ctx, source)
		if err == nil {
			b.add("write", program, took.Seconds())
		}
		return err
	}
	sum, err := md5Of(source)
	if err != nil {
		return err
	}
	s, d, away, err := b.target(ctx, program)
	if err != nil {
		return err
	}
	defer away()
	before, began := b.requests(program), time.Now()
	took, err := d.sh(ctx, writeScript(source))
	if err != nil {
		return err
	}
	b.add("write-dd", program, took.Seconds())
	if !sends(program) {
		return nil
	}
	arrived, err := wait(ctx, 10*time.Millisecond, func() (bool, error) {
		if program == rclone { // its MD5 is computed once all of it is there
			info, err := os.Stat(filepath.Join(s.dir, bigName))
			return err == nil && info.Size() == gib, nil
		}
		return b.holds(program, s, map[string]string{"/" + bigName: sum})
	})
	if err != nil {
		return err
	}
	b.add("write", program, arrived.Sub(began).Seconds())
	b.calls("write", program, b.requests(program)-before)
	_, peak, err := memory(d.cmd.Process.Pid)
	b.add("memory-write", program, peak)
	return err
}

// post sends a file to the store with curl, the way the service wants it, and times it.
func (b *bench) post(ctx context.Context, path string) (time.Duration, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	b.homes++
	s, err := b.empty(fmt.Sprintf("empty-%d", b.homes))
	if err != nil {
		return 0, err
	}
	defer func() { _ = b.drop(s) }()
	client, err := remote.New(remote.Config{BaseURL: b.emu.URL(), Token: func() (string, error) { return b.emu.Token(), nil }})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	_, ticket, err := client.Files(s.app, remote.Public).Create(ctx, remote.NewEntry{Name: bigName, Parent: "/", Size: info.Size()})
	if err != nil {
		return 0, err
	}
	argv := []string{b.tools[curl], "-sSf", "-o", "/dev/null"}
	for name, value := range ticket.Fields {
		argv = append(argv, "--form-string", name+"="+value)
	}
	_, took, err := run(ctx, os.Geteuid(), "/", append(argv, "-F", "file=@"+path, ticket.URL)...)
	return took, err
}

const savesInARow = 20

// measureSave saves one file again and again.
func measureSave(ctx context.Context, b *bench, program string) error {
	for _, how := range []string{"truncate", "rename"} {
		s, d, away, err := b.target(ctx, program)
		if err != nil {
			return err
		}
		err = b.saves(ctx, s, d, how)
		away()
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) saves(ctx context.Context, s *set, d *drive, how string) error {
	last := md5.Sum(saved(savesInARow - 1))
	want := map[string]string{"/" + savedName: hex.EncodeToString(last[:])}
	out, _, err := run(ctx, d.uid, "/", b.self, workCommand, "save", d.dir, fmt.Sprint(savesInARow), how)
	if err != nil {
		return err
	}
	ended := time.Now()
	ms, err := numbers(out)
	if err != nil {
		return err
	}
	id := "save"
	if how == "rename" {
		id = "save-rename"
	}
	b.add(id, d.program, ms.median())
	if !sends(d.program) {
		return nil
	}
	arrived, err := wait(ctx, 5*time.Millisecond, func() (bool, error) { return b.holds(d.program, s, want) })
	if err != nil {
		b.row(id).note(d.program + " lost the last save")
		return err
	}
	if how == "truncate" {
		b.add("save-sent", d.program, arrived.Sub(ended).Seconds())
	}
	return nil
}

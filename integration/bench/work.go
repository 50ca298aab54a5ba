package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// workCommand is the argument with which this program does what no common program
// does, in a process of its own: bench work WHAT ARGUMENTS. It prints one number a line.
const workCommand = "work"

func work(args []string) error {
	if len(args) < 2 {
		return errors.New("bench work stat DIR | random FILE NUMBER | save DIR NUMBER truncate|rename")
	}
	switch what, path := args[0], args[1]; {
	case what == "stat" && len(args) == 2:
		return workStat(path)
	case what == "random" && len(args) == 3:
		n, err := strconv.Atoi(args[2])
		return errors.Join(err, workRandom(path, n))
	case what == "save" && len(args) == 4:
		n, err := strconv.Atoi(args[2])
		return errors.Join(err, workSave(path, n, args[3] == "rename"))
	}
	return fmt.Errorf("bench work: %q is not known", args)
}

// workStat prints how many lstat calls a second one thread makes of paths that were
// seen before, when what was seen is older than a second.
func workStat(dir string) error {
	if err := os.Chdir(dir); err != nil { // what leads to a drive costs nothing then
		return err
	}
	var paths [][]byte
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		paths = append(paths, append([]byte(path), 0))
		return lstat(paths[len(paths)-1])
	})
	if err != nil {
		return err
	}
	time.Sleep(1500 * time.Millisecond) // FUSE attributes are commonly believed for a second
	began, calls := time.Now(), 0
	for time.Since(began) < time.Second {
		for _, path := range paths {
			if err := lstat(path); err != nil {
				return err
			}
		}
		calls += len(paths)
	}
	fmt.Println(float64(calls) / time.Since(began).Seconds())
	return nil
}

// workRandom prints how long reads of 4 KiB at random places of a file take, in ms.
func workRandom(path string, n int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	buf := make([]byte, randomBytes)
	for range n {
		at := r.Int64N(info.Size()/randomBytes) * randomBytes
		began := time.Now()
		if _, err := f.ReadAt(buf, at); err != nil {
			return err
		}
		fmt.Println(time.Since(began).Seconds() * 1000)
	}
	return nil
}

const (
	randomBytes = 4 << 10
	savedBytes  = 10 << 10
	savedName   = "saved.txt"
)

// saved is the content of a save.
func saved(i int) []byte { return bytes.Repeat([]byte(fmt.Sprintf("save %04d\n", i)), savedBytes/10) }

// workSave saves a file n times, as editors do, and prints how long each took until
// close returned, or rename, in ms.
func workSave(dir string, n int, rename bool) error {
	final := filepath.Join(dir, savedName)
	for i := range n {
		content, path := saved(i), final
		if rename {
			path += ".tmp"
		}
		began := time.Now()
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		if rename {
			if err := os.Rename(path, final); err != nil {
				return err
			}
		}
		fmt.Println(time.Since(began).Seconds() * 1000)
	}
	return nil
}

// numbers are what such a process printed.
func numbers(out string) (all series, err error) {
	for _, word := range strings.Fields(out) {
		v, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		return nil, errors.New("it printed nothing")
	}
	return all, nil
}

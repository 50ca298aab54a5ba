// Bench measures losantfs side by side with what people would use instead, against the
// emulator behind a line of 50 ms, and writes docs/benchmarks.md. It is what make bench
// runs, from the root of the repository.
//
// Every program is used through its command line and the kernel alone. A run of the
// table has the programs one after the other within each round, so that what the
// machine does meanwhile befalls all of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == workCommand {
		if err := work(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	var o options
	names := flag.String("rows", "table", "which `rows`, comma-separated: table, growth, or names from -list; none only writes the page again")
	list := flag.Bool("list", false, "print the names of the rows and exit")
	flag.IntVar(&o.rounds, "rounds", 0, "how often each row is measured (default as the row says)")
	with := flag.String("with", "", "measure only these `programs`, comma-separated (default all)")
	flag.BoolVar(&o.write, "write", false, "write the figures to docs/benchmarks.md and its charts")
	flag.StringVar(&o.tools, "tools", ".tmp/bench", "`folder` in which the other programs are built once")
	flag.Parse()
	if *list {
		printNames(os.Stdout)
		return
	}
	if *with != "" {
		o.with = strings.Split(*with, ",")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o, strings.Split(*names, ",")); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		stop()
		os.Exit(1)
	}
}

type options struct {
	rounds int
	with   []string
	write  bool
	tools  string
}

// measure runs the experiments and writes what was found.
func measure(ctx context.Context, o options, names []string) (err error) {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	known, err := loadResults(resultsPath)
	if err != nil {
		return fmt.Errorf("%s: %w", resultsPath, err)
	}
	if len(chosen) == 0 {
		return known.document()
	}
	b, err := newBench(ctx, o)
	if b != nil {
		defer b.close()
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range chosen {
		if err := b.conduct(ctx, e); err != nil {
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			b.say("%s: %v", e.name, err)
			failed = append(failed, fmt.Errorf("%s: %w", e.name, err))
		}
	}
	b.found.print(os.Stdout)
	if o.write {
		known.merge(b.found)
		if err := errors.Join(known.save(resultsPath), known.document()); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

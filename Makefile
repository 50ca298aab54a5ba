# Everything works on a fresh machine: what is missing is installed first, on
# Debian and Ubuntu with apt; on macOS .ci/need says what to install.

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BIN     := bin/losantfs

.PHONY: demo test test-programs race model chaos fuzz bench bench-growth build lint clean
.DEFAULT_GOAL := build

# Shows a mounted folder of sample files, from an emulator, until Ctrl-C.
demo: build
	@.ci/need fuse
	@$(BIN) demo

# Every test, through real mounts. They need no rights, but run more as root. None
# is cached: the program under test is not among the files the cache knows of. They
# wait more than they compute.
test:
	@.ci/need go fuse test
	go test -count=1 -timeout 20m -parallel 8 ./...

# The tests with heavier peers, such as the vendor's own client and LibreOffice.
test-programs:
	@.ci/need go fuse test programs
	go test -count=1 -timeout 20m -tags programs -run 'Vendor|Heavy' ./integration

# Every test of the whole program under the race detector.
race:
	@.ci/need go fuse test
	go test -count=1 -race -timeout 60m -parallel 8 ./integration

# The property tests of saving, at length: random work, kills and faults against a
# model, below the kernel and through it.
model:
	@.ci/need go fuse
	go test -count=1 -timeout 30m -run TestWhatIsOwedArrives ./cache -rapid.checks=1000
	go test -count=1 -timeout 90m -run 'TestDriveIsLikeADisk$$' ./integration -rapid.checks=1000

# Every fuzz target for a while, such as make fuzz FUZZTIME=10m. What fails is kept in
# testdata/fuzz beside it; its input becomes a seed in the code.
FUZZTIME := 20s
fuzz:
	@.ci/need go
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' . | sort); do \
		for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' $$file); do \
			echo "== $$target in $$file"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$(dirname $$file); \
		done; \
	done

# The tables of docs/benchmarks.md, in about ten minutes. make bench ROWS=find,cp only
# shows some of them, by the names in the page. Only root can measure from the disk.
bench:
	@.ci/need go fuse bench
	go build -o .tmp/bench/bench ./integration/bench
	@.tmp/bench/bench $(if $(ROWS),-rows $(ROWS),-write)

# The chapter of that page on how cost grows: up to a million entries and 5 GiB.
bench-growth:
	@.ci/need go fuse bench
	go build -o .tmp/bench/bench ./integration/bench
	@.tmp/bench/bench -rows growth -write

# Two mounts that change one tree at the same time, with lost answers and outages.
chaos:
	@.ci/need go fuse
	LOSANTFS_CHAOS=10m go test -v -count=1 -timeout 30m -run 'TestTwoMounts$$' ./integration

build:
	@.ci/need go
	@mkdir -p bin
	go build -trimpath -ldflags '-X losantfs/cmd.version=$(VERSION)' -o $(BIN) .

# The linter is pinned in a module of its own, so that it is no dependency.
lint:
	@.ci/need go
	@test -z "$$(gofmt -l .)" || { echo "gofmt wants:"; gofmt -l .; exit 1; }
	go vet -tags programs ./...
	GOOS=darwin go vet ./...
	go tool -modfile=.ci/tools.mod staticcheck ./...
	GOOS=darwin $$(go tool -n -modfile=.ci/tools.mod staticcheck) ./...

clean:
	rm -rf bin

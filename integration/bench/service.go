package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"losantfs/remote/emulator"
)

// oneWay is what the line to the service takes, each way.
const oneWay = 25 * time.Millisecond

// The keys of the S3 gateway, which listens on loopback only.
const s3Key, s3Secret = "bench", "benchmarks"

// rcloneFlags spare rclone a request for each file's time; without them ls -lR of
// 10,000 files takes minutes. All else is as it comes.
const rcloneFlags = "--vfs-cache-mode full --use-server-modtime --vfs-fast-fingerprint"

// serve starts the emulator behind proxies.
func (b *bench) serve() (err error) {
	b.emu, err = emulator.Start(emulator.Config{Dir: filepath.Join(b.work, "emulator"), Front: func(addr string) (string, error) {
		p, err := newProxy(addr, oneWay)
		if err != nil {
			return "", err
		}
		b.atEnd(func() { _ = p.Close() })
		return p.addr(), nil
	}})
	if err != nil {
		return err
	}
	b.atEnd(func() { _ = b.emu.Close() })
	return nil
}

// s3 starts rclone's S3 gateway over the plain folders of the sets, behind a proxy, once.
func (b *bench) s3(ctx context.Context) (*proxy, error) {
	if b.gateway != nil {
		return b.gateway, nil
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := free.Addr().String()
	_ = free.Close()
	argv := strings.Fields(b.tools[rclone] + " serve s3 --addr " + addr + " --auth-key " + s3Key + "," + s3Secret +
		" --dir-cache-time 1s --etag-hash= --config=")
	cmd := command(context.WithoutCancel(ctx), os.Geteuid(), "/", nil, append(argv, filepath.Join(b.work, "sets"))...)
	output := &syncBuffer{}
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	b.atEnd(func() { _ = end(cmd, exited) })
	if _, err := wait(ctx, 10*time.Millisecond, func() (bool, error) {
		select {
		case err := <-exited:
			exited <- err
			return false, fmt.Errorf("the gateway ended: %w: %s", err, tail(output.String()))
		default:
		}
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil, nil
	}); err != nil {
		return nil, err
	}
	if b.gateway, err = newProxy(addr, oneWay); err != nil {
		return nil, err
	}
	b.atEnd(func() { _ = b.gateway.Close() })
	return b.gateway, nil
}

// requests are those that a program has sent so far to its service.
func (b *bench) requests(program string) float64 {
	switch {
	case program == losantfs:
		n := b.emu.Counts()
		return float64(n.Total() + n.Calls["content"] + n.Calls["form"])
	case program == rclone && b.gateway != nil:
		return float64(b.gateway.requests.Load())
	}
	return 0
}

// fetched are the bytes of files that a program has got so far from its service; for
// rclone all bytes.
func (b *bench) fetched(program string) float64 {
	switch {
	case program == losantfs:
		return float64(b.emu.Counts().ContentBytes)
	case program == rclone && b.gateway != nil:
		return float64(b.gateway.received.Load())
	}
	return 0
}

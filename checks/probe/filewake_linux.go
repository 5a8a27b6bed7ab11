// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// eventBuffer holds some hundreds of inotify's events.
const eventBuffer = 16 << 10

// Wake calls look when the file, or what its path leads through, has changed.
// Each directory on the way and each link's is watched for the name that leads
// on, so that it is seen when a directory is made, renamed over or made again.
// A file that is written in place counts as changed once it is closed: in
// between it has half its content. File systems whose changes come from
// elsewhere (NFS, proc) are not seen.
func (p *fileProbe) Wake(ctx context.Context, look func()) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watching %s: %w", p.path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	raw, err := events.SyscallConn()
	if err != nil {
		return fmt.Errorf("watching %s: %w", p.path, err)
	}
	defer context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })()
	w := pathWatch{raw: raw, path: p.path}
	buf := make([]byte, eventBuffer)
	for first := true; ctx.Err() == nil; {
		if first || w.stale {
			if err := w.arm(); err != nil {
				return fmt.Errorf("watching %s: %w", p.path, err)
			}
		}
		if first || w.changed {
			look()
		}
		first, w.changed, w.stale = false, false, false
		n, err := events.Read(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("watching %s: %w", p.path, err)
		}
		w.take(buf[:n])
	}
	return nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockName = "guardian.lock"
	lockPoll = 2 * time.Millisecond
)

// ErrBusy says that a guardian lives in the runtime directory.
var ErrBusy = errors.New("a guardian is at work")

// Await waits until no guardian lives in the runtime directory, some seconds at
// most (ErrBusy). A guardian whose agent is dead takes milliseconds. Where there
// is no such directory, or dir is empty, there is no guardian.
func Await(ctx context.Context, dir string) error {
	if dir == "" {
		return nil
	}
	lock, err := acquire(ctx, dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return lock.Close()
}

// acquire takes the lock. It is taken as long as the file, or one inherited by
// another process, is open.
func acquire(ctx context.Context, dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("opening the guardian's lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, awaitMost)
	defer cancel()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), f.Close())
		}
		if pause(ctx, lockPoll) != nil {
			return nil, errors.Join(fmt.Errorf("%w in %s (process %s)", ErrBusy, dir, holder(f)), f.Close())
		}
	}
}

// sign writes who has the lock, for people.
func sign(f *os.File, pid int) {
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "%d\n", pid), 0)
	}
}

// holder is who the file says has the lock.
func holder(f *os.File) string {
	const most = 20
	text, err := io.ReadAll(io.NewSectionReader(f, 0, most))
	if who := strings.TrimSpace(string(text)); err == nil && who != "" {
		return who
	}
	return "unknown"
}

// pause waits, or returns ctx's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

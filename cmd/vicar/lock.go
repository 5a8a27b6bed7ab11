// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// errLocked says that an agent lives in the runtime directory or the network
// namespace.
var errLocked = errors.New("an agent is running")

const lockName = "lock"

// lock is the right to be the only agent in a runtime directory. The kernel
// takes it back when the process dies, however that happens; the file stays.
type lock struct{ f *os.File }

// acquire takes dir's lock and writes the process's number into it. The error
// is errLocked if another process has it.
func acquire(dir string) (*lock, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w in %s (process %s)", errLocked, dir, holder(f))
	} else if err != nil {
		err = fmt.Errorf("locking %s: %w", path, err)
	} else {
		err = sign(f)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &lock{f}, nil
}

// sign writes who holds the lock.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("writing the lock: %w", err)
	}
	if _, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return fmt.Errorf("writing the lock: %w", err)
	}
	return nil
}

// holder is who the lock's file says holds it.
func holder(f *os.File) string {
	const most = 20
	text, err := io.ReadAll(io.NewSectionReader(f, 0, most))
	if who := strings.TrimSpace(string(text)); err == nil && who != "" {
		return who
	}
	return "unknown"
}

// release gives the lock back.
func (l *lock) release() { _ = l.f.Close() }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// eviction is how long what was killed may take to end.
const eviction = 10 * time.Second

// evict kills all processes in the namespace, and waits until they have ended. Who
// has a session of its own is not reached through those that started it, and
// outlives them: an agent's guardian does, and writes files then.
func (s *space) evict() error {
	for end := time.Now().Add(eviction); ; time.Sleep(time.Millisecond) {
		pids := s.inhabitants()
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the processes %v did not end within %v of SIGKILL", pids, eviction)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("killing process %d: %w", pid, err)
			}
		}
	}
}

// inhabitants are the processes in the namespace. This one is not: no namespace but
// its own has its first thread.
func (s *space) inhabitants() []int {
	home, err := s.ns.Stat()
	if err != nil {
		return nil
	}
	paths, _ := filepath.Glob("/proc/[0-9]*/ns/net") // the pattern is valid
	var pids []int
	for _, path := range paths {
		at, err := os.Stat(path)
		if err != nil || !os.SameFile(home, at) {
			continue // it has ended, or is none of ours
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// dying is how long a process may take to be dead once it has been killed.
	dying = time.Second
	// zombiesAfter is when it is looked whether a group has zombies only.
	zombiesAfter = 20 * time.Millisecond
)

type unixStatus = syscall.WaitStatus

// disband waits until the group of a program that is reaped is empty. All of it
// has been killed, but processes take a moment to die. Signal 0 tells only
// whether there is a group, so that it does no harm if the number is another's
// by now.
func disband(group int) error {
	begin := time.Now()
	for wait := 100 * time.Microsecond; ; wait = min(2*wait, zombiesAfter) {
		if err := unix.Kill(-group, 0); err == unix.ESRCH {
			return nil
		}
		// Whoever inherits the dead may not reap them, as in a container
		// without an init.
		if passed := time.Since(begin); passed > zombiesAfter {
			n := living(group)
			if n == 0 {
				return nil
			}
			if passed > dying {
				return fmt.Errorf("%d processes that it started: %w", n, ErrStuck)
			}
		}
		time.Sleep(wait)
	}
}

// living counts the processes of a group that are not zombies.
func living(group int) (n int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return 0
	}
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		if stat, err := os.ReadFile("/proc/" + name + "/stat"); err == nil && livesIn(stat, group) {
			n++
		}
	}
	return n
}

// livesIn tells of a process, by its /proc/PID/stat, whether it is in the group
// and not a zombie. The name, in parentheses, may have anything in it.
func livesIn(stat []byte, group int) bool {
	// What follows the name: state, parent, group.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 3 {
		return false
	}
	state := fields[0][0]
	return string(fields[2]) == strconv.Itoa(group) && state != 'Z' && state != 'X'
}

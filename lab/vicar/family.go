// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vicar

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Children are the processes that the agent has started and that run, its
// guardian among them. They are found by their parent: after the agent's end
// nobody knows whose they were.
func (a *Agent) Children() ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	parents := make(map[int]int)
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		if s, ok := statOf(pid); ok {
			parents[pid] = s.parent
		}
	}
	var out []int
	for pid, p := range parents {
		for ; p > 1; p = parents[p] {
			if p == a.Pid() {
				out = append(out, pid)
				break
			}
		}
	}
	return out, nil
}

// processStat is what is looked at in /proc/PID/stat.
type processStat struct {
	state  byte
	parent int
}

// statOf reads a process's state and parent (proc_pid_stat(5)); false if there
// is no such process. The name in parentheses may contain anything.
func statOf(pid int) (processStat, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(text, ')')
	if err != nil || end < 0 {
		return processStat{}, false
	}
	fields := bytes.Fields(text[end+1:])
	if len(fields) < 2 {
		return processStat{}, false
	}
	parent, err := strconv.Atoi(string(fields[1]))
	return processStat{state: fields[0][0], parent: parent}, err == nil
}

// Alive tells whether a process runs, is stopped, or waits: it has not ended.
func Alive(pid int) bool {
	s, ok := statOf(pid)
	return ok && s.state != 'Z' && s.state != 'X'
}

// SignalFamily sends a signal to the agent and its children, to the agent last.
func (a *Agent) SignalFamily(s syscall.Signal) error {
	children, err := a.Children()
	if err != nil {
		return err
	}
	var errs []error
	for _, pid := range children {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signalling a child of %s: %w", a.Name, err))
		}
	}
	return errors.Join(append(errs, a.Signal(s))...)
}

// KillFamily kills the agent and its children, none of which can act or start
// another one in between.
func (a *Agent) KillFamily() error {
	stopped := a.Signal(syscall.SIGSTOP)
	return errors.Join(stopped, a.SignalFamily(syscall.SIGKILL))
}

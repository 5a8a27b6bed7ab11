// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Children are the processes that the process or its children have started and
// that run. They are found by their parent: after the process's end nobody knows
// whose they were.
func (p *Process) Children() ([]int, error) {
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
		if s, ok := statOf(f); ok {
			parents[pid] = s.parent
		}
	}
	var out []int
	for pid, parent := range parents {
		for ; parent > 1; parent = parents[parent] {
			if parent == p.pid {
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

// statOf reads the state and parent of a process or thread from its file
// (proc_pid_stat(5)); false if it is gone. The name in parentheses may contain
// anything.
func statOf(file string) (processStat, bool) {
	text, err := os.ReadFile(file)
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
	s, ok := statOf(fmt.Sprintf("/proc/%d/stat", pid))
	return ok && s.state != 'Z' && s.state != 'X'
}

// Stopped tells whether all threads of a process are stopped, or it has ended.
// SIGSTOP takes effect when one of them is scheduled next, and until then others
// run on.
func Stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/[0-9]*/stat", pid)) // the pattern is valid
	return !slices.ContainsFunc(threads, func(file string) bool {
		s, ok := statOf(file)
		return ok && !strings.ContainsRune("TtZX", rune(s.state))
	})
}

// SignalFamily sends a signal to the process and its children, whatever group
// they are in, to the process last.
func (p *Process) SignalFamily(s syscall.Signal) error {
	children, err := p.Children()
	if err != nil {
		return err
	}
	var errs []error
	for _, pid := range children {
		if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signalling a child of %s: %w", p.Name, err))
		}
	}
	return errors.Join(append(errs, p.Signal(s))...)
}

// KillFamily kills the process and its children. The process can't act or start
// another one in between.
func (p *Process) KillFamily() error {
	stopped := p.Signal(syscall.SIGSTOP)
	return errors.Join(stopped, p.SignalFamily(syscall.SIGKILL))
}

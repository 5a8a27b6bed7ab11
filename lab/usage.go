// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of processor time in /proc (USER_HZ, 100 on every
// architecture that Go runs on).
const tick = 10 * time.Millisecond

// Usage is what a process and its children have used.
type Usage struct {
	CPU       time.Duration // user and system time of those alive
	RSS       int64         // bytes; pages that they share count for each
	Own       int64         // of RSS what is no file, as the program's is
	Processes int
}

// Usage sums up what the process and its children have used. Children that
// have ended don't count.
func (p *Process) Usage() Usage {
	var u Usage
	for _, s := range p.members() {
		u.CPU += time.Duration(s.ticks) * tick
		u.RSS += s.pages * int64(os.Getpagesize())
		u.Own += (s.pages - s.shared) * int64(os.Getpagesize())
		u.Processes++
	}
	return u
}

// stat is what the lab reads in /proc/PID/stat.
type stat struct {
	pid, group   int
	ticks, pages int64
	shared       int64 // pages of files and of shared memory
}

// members are the processes of p's group that are in p's namespace, which
// those of a group with the same number but another origin are not.
func (p *Process) members() []stat {
	paths, _ := filepath.Glob("/proc/[0-9]*/stat")
	home, err := p.host.space.ns.Stat()
	if err != nil {
		return nil
	}
	var out []stat
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		s, err := parseStat(text)
		if err != nil || s.group != p.pid {
			continue
		}
		ns, err := os.Stat(filepath.Join(filepath.Dir(path), "ns/net"))
		if err != nil || !os.SameFile(home, ns) {
			continue
		}
		if text, err = os.ReadFile(filepath.Join(filepath.Dir(path), "statm")); err == nil {
			_, s.shared = parseStatm(text)
		}
		out = append(out, s)
	}
	return out
}

// parseStatm reads proc(5)'s /proc/PID/statm: how many pages are there, and how
// many of them are shared.
func parseStatm(text []byte) (there, shared int64) {
	var size int64
	_, _ = fmt.Sscan(string(text), &size, &there, &shared) // none, then
	return there, shared
}

// parseStat reads the fields of proc(5)'s /proc/PID/stat that stat has. The
// name in parentheses may contain anything, so the fields are counted from its
// end.
func parseStat(text []byte) (stat, error) {
	var s stat
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return s, fmt.Errorf("no name in %q", text)
	}
	pid, _, _ := bytes.Cut(text, []byte(" "))
	fields := bytes.Fields(text[end+1:])
	const group, user, system, rss = 2, 11, 12, 21 // counted from the state, field 3
	if len(fields) <= rss {
		return s, fmt.Errorf("%d fields", len(fields))
	}
	var err error
	number := func(b []byte) int64 {
		n, e := strconv.ParseInt(string(b), 10, 64)
		if e != nil {
			err = e
		}
		return n
	}
	s.pid, s.group = int(number(pid)), int(number(fields[group]))
	s.ticks = number(fields[user]) + number(fields[system])
	s.pages = number(fields[rss])
	return s, err
}

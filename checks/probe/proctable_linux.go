// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// commandSize is how much of a command line is looked at.
const commandSize = 16 << 10

// procFS is /proc, used by one goroutine at a time.
type procFS struct{ buf []byte }

func newProcFS() *procFS { return &procFS{make([]byte, commandSize)} }

func (*procFS) list() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func (p *procFS) read(pid int) (image, bool) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, ok := p.file(dir + "/stat")
	if !ok {
		return image{}, false
	}
	comm, state := parseStat(stat)
	if state == 0 || state == 'Z' || state == 'X' {
		return image{}, false
	}
	// Of a process that has just ended it is empty.
	cmdline, ok := p.file(dir + "/cmdline")
	if !ok {
		return image{}, false
	}
	return newImage(comm, cmdline), true
}

// parseStat reads a process's name and state (0: not to be read) from its
// /proc/PID/stat: "7 (name) S ...". The name may have anything in it.
func parseStat(stat string) (comm string, state byte) {
	from, to := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if from < 0 || to < from || len(stat) < to+3 || stat[to+1] != ' ' {
		return "", 0
	}
	return stat[from+1 : to], stat[to+2]
}

// file reads the beginning of a small file. Not by package os, which asks of
// each file whether it can be waited for.
func (p *procFS) file(path string) (string, bool) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", false
	}
	defer unix.Close(fd)
	size := 0
	for size < len(p.buf) {
		n, err := unix.Read(fd, p.buf[size:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", false
		}
		if n == 0 {
			break
		}
		size += n
	}
	return string(p.buf[:size]), true
}

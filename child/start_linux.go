// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A process inherits from the thread that starts it: capabilities, scheduling
// policy, nice value, PR_SET_NO_NEW_PRIVS. So a thread that is used for nothing
// else gives them up first. It can't get them back, and ends with the program.

// start starts the program from the calling thread, which must be locked and is
// unfit for anything else afterwards.
func (p *Program) start(env []string, stdin, stdout, stderr *os.File) (*os.Process, error) {
	if err := calm(); err != nil {
		return nil, fmt.Errorf("giving up the real-time policy: %w", err)
	}
	if err := p.disarm(); err != nil {
		return nil, fmt.Errorf("giving up the capabilities: %w", err)
	}
	attr := &os.ProcAttr{
		Dir:   "/",
		Env:   env,
		Files: []*os.File{stdin, stdout, stderr},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	}
	if a := p.account; a.switches {
		c := &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
		for _, g := range a.groups {
			c.Groups = append(c.Groups, uint32(g))
		}
		attr.Sys.Credential = c
	}
	warm(p.cfg.Argv[0])
	proc, err := os.StartProcess(p.cfg.Argv[0], p.cfg.Argv, attr)
	if err != nil {
		return nil, err
	}
	if protected() {
		mortal(proc.Pid)
	}
	return proc, nil
}

// calm gives up what lets the thread run before others. A lower rank than
// normal stays.
func calm() error {
	policy, _, errno := unix.RawSyscall(unix.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	if policy&unix.SCHED_RESET_ON_FORK != 0 {
		return nil // the kernel does the same for each child
	}
	if policy == unix.SCHED_FIFO || policy == unix.SCHED_RR {
		// Not by sched_setattr, of which a filter of system calls can't see what
		// it asks for.
		var priority int32
		_, _, errno := unix.RawSyscall(unix.SYS_SCHED_SETSCHEDULER, 0, unix.SCHED_NORMAL, uintptr(unsafe.Pointer(&priority)))
		if errno != 0 {
			return errno
		}
	}
	// The system call's answer is 20 less the nice value.
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return err
	}
	if 20-raw < 0 {
		return unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
	}
	return nil
}

// disarm gives up the thread's capabilities for good: with no_new_privs an
// execve adds none to those that a thread has, whether for root, for a file's
// capabilities or for its set-user-ID bit. A switch of the user takes some; it
// ends them by itself, but for the inheritable and the ambient ones.
func (p *Program) disarm() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if p.account.switches {
		if err := unix.Capget(&header, &caps[0]); err != nil {
			return err
		}
		caps[0].Inheritable, caps[1].Inheritable = 0, 0
	}
	// The ambient ones are always among the inheritable ones.
	return unix.Capset(&header, &caps[0])
}

// warm has the kernel read the beginning of the program. The runtime's thread
// and processor are held from the fork to the execve, which should not wait for
// a disk.
func warm(path string) {
	f, err := os.Open(path)
	if err != nil {
		return // one may execute what one can't read
	}
	defer f.Close()
	_, _ = io.CopyN(io.Discard, f, 4<<10)
}

// mortal takes from a process the protection from the kernel's out-of-memory
// killer that the agent may have. It is the agent's until then, which is about
// as long as the program takes to start.
func mortal(pid int) {
	// It may have ended already.
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte("0"), 0)
}

// protected tells whether the agent is spared by the out-of-memory killer.
func protected() bool {
	b, err := os.ReadFile("/proc/self/oom_score_adj")
	return err == nil && strings.HasPrefix(string(b), "-")
}

// sealFiles makes sure that no file with which the agent itself was started
// comes to its programs. Kernels before 5.11 can't do it.
func sealFiles() error {
	err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return nil
	}
	return err
}

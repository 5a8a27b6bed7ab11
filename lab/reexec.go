// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// reexecMark tells the second run of a program that it is one.
const reexecMark = "VICAR_LAB_REEXEC"

// Reexec gives the program the rights that a lab needs. If it has them, it
// returns at once with done false. Otherwise it runs the program again, with
// the same arguments, as root of a user namespace of its own, passes on
// interrupts, and returns with done true and the exit code to end with:
//
//	code, done, err := lab.Reexec()
//	if err != nil { ... }
//	if done { os.Exit(code) }
func Reexec() (code int, done bool, err error) {
	ok, err := capable()
	if err != nil {
		return 1, false, err
	}
	if ok {
		return 0, false, nil
	}
	if os.Getenv(reexecMark) != "" {
		return 1, false, errors.New("no rights to make network namespaces, not even in a user namespace")
	}
	return reexec()
}

// reexec runs the program in new namespaces.
func reexec() (int, bool, error) {
	//nolint:noctx // it ends when the program's second run does
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), reexecMark+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGTERM,
	}
	// The thread that starts it must outlive it (see prctl(2) on PDEATHSIG).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return 1, false, fmt.Errorf("starting again in a user namespace: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case s := <-signals:
				_ = cmd.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if exit.ExitCode() < 0 {
			return 1, true, nil // killed by a signal
		}
		return exit.ExitCode(), true, nil
	}
	if err != nil {
		return 1, true, fmt.Errorf("waiting for the second run: %w", err)
	}
	return 0, true, nil
}

// capable tells whether the process may make namespaces and set up networks.
func capable() (bool, error) {
	var data [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, fmt.Errorf("reading capabilities: %w", err)
	}
	const want = 1<<unix.CAP_SYS_ADMIN | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_NET_RAW
	return data[0].Effective&want == want, nil
}

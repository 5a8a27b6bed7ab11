// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// errClosed is the answer of a space whose thread is gone.
var errClosed = errors.New("lab is closed")

// space is an anonymous network namespace with one thread that lives in it
// from open to close. Processes are born on that thread, so that their parent
// death signal is tied to the space and not to a thread of the Go runtime's.
type space struct {
	ns     *os.File        // the namespace
	handle *netlink.Handle // netlink sockets in it
	tasks  chan func()
	quit   chan struct{} // closed: no more tasks
	done   chan struct{} // closed: the thread is gone
}

// openSpace makes a namespace with its thread.
func openSpace() (*space, error) {
	s := &space{tasks: make(chan func()), quit: make(chan struct{}), done: make(chan struct{})}
	ready := make(chan error, 1)
	go s.thread(ready)
	if err := <-ready; err != nil {
		<-s.done
		return nil, err
	}
	return s, nil
}

// thread is the body of the space's thread. It never unlocks, so that the
// thread ends with the goroutine.
func (s *space) thread(ready chan<- error) {
	defer close(s.done)
	if err := offMain(func() error { return s.serve(ready) }); err != nil {
		ready <- err
	}
}

// serve moves the thread into a new namespace and runs tasks until quit.
func (s *space) serve(ready chan<- error) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("making a network namespace: %w", err)
	}
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("opening a network namespace: %w", err)
	}
	defer ns.Close()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer h.Close()
	s.ns, s.handle = ns, h
	ready <- nil
	for {
		select {
		case task := <-s.tasks:
			task()
		case <-s.quit:
			return nil
		}
	}
}

// run runs f on the space's thread and waits for it.
func (s *space) run(f func() error) error {
	answer := make(chan error, 1)
	select {
	case s.tasks <- func() { answer <- f() }:
		return <-answer
	case <-s.done:
		return errClosed
	}
}

// visit runs f on a thread of its own in the space, so that it may block.
func (s *space) visit(f func() error) error {
	answer := make(chan error, 1)
	go func() {
		answer <- offMain(func() error {
			if err := unix.Setns(int(s.ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("entering a network namespace: %w", err)
			}
			return f()
		})
	}()
	return <-answer
}

// close ends the thread. The namespace ends with what else is in it.
func (s *space) close() {
	close(s.quit)
	<-s.done
}

// offMain runs f on a locked thread which is not the process's first: that one
// can't end, so it must not change its namespace. It leaves the thread locked:
// it ends with the calling goroutine.
func offMain(f func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		return f()
	}
	// While this goroutine holds the first thread, another one gets another.
	answer := make(chan error, 1)
	go func() { answer <- offMain(f) }()
	err := <-answer
	runtime.UnlockOSThread()
	return err
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// waker is a Wake at work.
type waker struct {
	looks  chan struct{}
	cancel context.CancelFunc
	stop   func() error // ends it and returns its error
}

// wake starts p's Wake and waits until events come.
func wake(t *testing.T, p *processProbe) *waker {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &waker{looks: make(chan struct{}, 1), cancel: cancel}
	ended := make(chan error, 1)
	go func() {
		ended <- p.Wake(ctx, func() {
			select {
			case w.looks <- struct{}{}:
			default:
			}
		})
	}()
	w.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(wait):
			return errors.New("Wake does not return")
		}
	})
	t.Cleanup(func() { labtest.OK(t, w.stop()) })
	select {
	case <-w.looks:
	case err := <-ended:
		ended <- nil
		t.Skipf("needs the kernel's process events: %v", err)
	case <-time.After(wait):
		t.Fatal("Wake does not look at first")
	}
	return w
}

// woken waits for a look that passes or fails.
func (w *waker) woken(t *testing.T, p checks.Probe, want bool) {
	t.Helper()
	for end := time.After(wait); ; {
		select {
		case <-w.looks:
			if (p.Probe(t.Context()) == nil) == want {
				return
			}
		case <-end:
			t.Fatalf("no look was asked for that passes: %v", want)
		}
	}
}

// TestProcessWake: what begins and ends is told by the kernel; nobody reads
// /proc for it.
func TestProcessWake(t *testing.T) {
	name := uniqueName(15)
	renamed := "r" + name[1:]
	path := program(t, "/bin/sleep", name)
	m := NewMaker()
	p := makeProcess(t, m, checks.Process{Name: name, Min: 1})
	both := makeProcess(t, m, checks.Process{Name: name, Command: " 4711$", Min: 1})
	comm := makeProcess(t, m, checks.Process{Name: renamed, Min: 1})
	w, wboth, wcomm := wake(t, p), wake(t, both), wake(t, comm)
	synced := p.all.synced

	_, end := begin(t, path, "1000")
	w.woken(t, p, true)
	want(t, both.Probe(t.Context()), "no process "+name+" with command line")
	end()
	w.woken(t, p, false)

	_, end = begin(t, path, "1000", "4711")
	wboth.woken(t, both, true)
	end()
	wboth.woken(t, both, false)

	// A name may change without an execve.
	_, end = begin(t, "/bin/sh", "-c", "printf "+renamed+" >/proc/$$/comm; kill -STOP $$")
	wcomm.woken(t, comm, true)
	end()
	wcomm.woken(t, comm, false)

	p.all.turn <- struct{}{}
	defer p.all.release()
	if !p.all.live || p.all.synced != synced && time.Since(synced) < scanEvery {
		t.Errorf("live %v, all read again: %v", p.all.live, p.all.synced != synced)
	}
}

// TestProcessTitle: a process changes its arguments, which no event tells.
func TestProcessTitle(t *testing.T) {
	labtest.Need(t, "perl")
	name := uniqueName(15)
	m := NewMaker()
	before := makeProcess(t, m, checks.Process{Command: "^perl -e .* '" + name, Min: 1})
	after := makeProcess(t, m, checks.Process{Command: "^" + name + " titled", Min: 1})
	w := wake(t, before)
	// perl writes over its arguments when $0 is set.
	cmd := exec.CommandContext(t.Context(), "perl", "-e", "<STDIN>; $0 = '"+name+" titled'; sleep 1000")
	in, err := cmd.StdinPipe()
	labtest.OK(t, err)
	labtest.OK(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	w.woken(t, before, true)
	want(t, after.Probe(t.Context()), "no process with command line")
	_, err = in.Write([]byte("\n"))
	labtest.OK(t, err)
	passes(t, after, true)
	// The one look told who waits for the other.
	w.woken(t, before, false)
}

// sockets are the process's netlink sockets of the connector.
func sockets(t *testing.T) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || v != unix.NETLINK_CONNECTOR {
			continue
		}
		if v, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && v == unix.AF_NETLINK {
			n++
		}
	}
	return n
}

// TestProcessWakeShared: 50 checks have one socket, which passes from one to
// the next when the one that receives ends, and is closed with the last.
func TestProcessWakeShared(t *testing.T) {
	name := uniqueName(15)
	path := program(t, "/bin/sleep", name)
	m := NewMaker()
	var probes []*processProbe
	var wakers []*waker
	for range 50 {
		p := makeProcess(t, m, checks.Process{Name: name, Min: 1})
		probes, wakers = append(probes, p), append(wakers, wake(t, p))
	}
	for len(wakers) > 0 {
		if n := sockets(t); n != 1 {
			t.Fatalf("%d checks have %d sockets", len(wakers), n)
		}
		_, end := begin(t, path, "1000")
		for i, w := range wakers {
			w.woken(t, probes[i], true)
		}
		end()
		for i, w := range wakers {
			w.woken(t, probes[i], false)
		}
		// The first ones first: one of them receives.
		gone := min(10, len(wakers))
		for _, w := range wakers[:gone] {
			labtest.OK(t, w.stop())
		}
		probes, wakers = probes[gone:], wakers[gone:]
	}
	if n := sockets(t); n != 0 {
		t.Errorf("without checks there are %d sockets", n)
	}
}

// TestProcessWakeOverflow: when more happens than the kernel keeps for us, all is
// read again.
func TestProcessWakeOverflow(t *testing.T) {
	name := uniqueName(15)
	path := program(t, "/bin/sleep", name)
	p := makeProcess(t, NewMaker(), checks.Process{Name: name, Min: 1})
	w := wake(t, p)
	// While nobody receives, the program's events find no room.
	p.all.turn <- struct{}{}
	synced := p.all.synced
	labtest.OK(t, unix.SetsockoptInt(p.all.link.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	for range 1000 {
		labtest.OK(t, os.WriteFile("/proc/self/comm", []byte("probe.test"), 0))
	}
	begin(t, path, "1000")
	p.all.release()
	w.woken(t, p, true)
	labtest.Eventually(t, wait, "events to be trusted again", func() bool {
		p.all.turn <- struct{}{}
		defer p.all.release()
		return p.all.live && p.all.synced.After(synced)
	})
}

// TestProcessWakeRefused: another network namespace has no process events, which
// is said; looking goes on.
func TestProcessWakeRefused(t *testing.T) {
	host := labtest.Host(t, labtest.New(t), "host", "192.0.2.1/24")
	name := uniqueName(15)
	m := NewMaker()
	for range 3 {
		p := makeProcess(t, m, checks.Process{Name: name, Min: 1})
		err := host.Do(func() error {
			return p.Wake(t.Context(), func() { t.Error("look is called") })
		})
		want(t, err, "following the kernel's process events: asking the kernel for them: connection refused")
		want(t, p.Probe(t.Context()), "no process "+name)
	}
	p := makeProcess(t, m, checks.Process{Name: name, Min: 1})
	begin(t, program(t, "/bin/sleep", name), "1000")
	passes(t, p, true)
}

// TestProcFilter: the kernel's filter passes what is read, and little else.
func TestProcFilter(t *testing.T) {
	const self = 4711
	vm, err := bpf.NewVM(procFilter(self))
	if err != nil {
		t.Fatal(err)
	}
	passes := func(b []byte) bool {
		n, err := vm.Run(b)
		return err == nil && n > 0
	}
	for _, m := range procMessages {
		if !passes(m.b) {
			t.Errorf("%s is dropped", m.name)
		}
	}
	for _, name := range []string{"answer", "user", "thread begins", "thread ends", "thread's name", "headers only"} {
		if passes(procOthers()[name]) {
			t.Errorf("%s is passed", name)
		}
	}
	if !passes(procComms(4712, self, "x")) {
		t.Error("the name of a thread of ours is dropped")
	}
}

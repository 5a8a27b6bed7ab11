// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/vip"
)

// MainConfig is what Main needs.
type MainConfig struct {
	RuntimeDir string
	Log        *slog.Logger // nil logs nothing
}

// ErrNotBorn says that the process was not started by Start.
var ErrNotBorn = errors.New("a guardian is started by its agent, not by people")

// Main is the guardian's process. It returns when it has given up for an agent
// that died.
func Main(cfg MainConfig) error {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGABRT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	files, err := inherited()
	if err != nil {
		return err
	}
	w, err := newWatch(cfg, files)
	if err != nil {
		return fmt.Errorf("setting up the guardian: %w", err)
	}
	w.settle()
	if _, err := unix.Write(w.agent, []byte{ready}); err != nil {
		return fmt.Errorf("telling the agent: %w", err)
	}
	if err := w.untilDeath(); err != nil {
		return fmt.Errorf("watching the agent: %w", err)
	}
	return w.giveUp()
}

// inherited are the files that the guardian was born with.
func inherited() (map[string]*os.File, error) {
	names := os.Getenv(filesKey)
	if names == "" {
		return nil, ErrNotBorn
	}
	files := map[string]*os.File{}
	for i, name := range strings.Split(names, ",") {
		fd := filesFirst + i
		unix.CloseOnExec(fd)
		files[name] = os.NewFile(uintptr(fd), name)
	}
	for _, name := range []string{fileAgent, fileLeases, fileLock} {
		if files[name] == nil {
			return nil, ErrNotBorn
		}
	}
	return files, nil
}

// watch is a guardian. One goroutine has it.
type watch struct {
	cfg    MainConfig
	log    *slog.Logger
	files  map[string]*os.File // open as long as the process lives
	agent  int                 // the socket
	timer  int                 // a timerfd, for the next end of a lease
	dead   int                 // an eventfd: the agent is
	kernel *address.Kernel
	fence  *address.FenceTable // nil: none
	leases view

	stream []byte // what came of frames
	will   Will
	// gone are the ends of leases at which addresses were removed.
	gone map[place]time.Duration
}

func newWatch(cfg MainConfig, files map[string]*os.File) (*watch, error) {
	w := &watch{cfg: cfg, log: cfg.Log, files: files, gone: map[place]time.Duration{}}
	w.agent = int(files[fileAgent].Fd())
	t, err := mapTable(files[fileLeases], unix.PROT_READ)
	if err != nil {
		return nil, err
	}
	w.leases = newView(t)
	if w.timer, err = unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making a timer: %w", err)
	}
	if w.dead, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	if f := files[fileFence]; f != nil {
		if w.fence, err = address.OpenFenceTable(f); err != nil {
			return nil, err
		}
	}
	// Without the journal, which is the agent's as long as it lives.
	w.kernel, err = address.New(address.Config{})
	return w, err
}

// smallHeap makes the collector run before there is much to collect.
const smallHeap = 25

// settle makes the process small, and what it will need be in memory.
func (w *watch) settle() {
	debug.SetGCPercent(smallHeap)
	// Pages stay once they have been touched. Without the right to lock as much as
	// is mapped they go when memory is short, as others' do. What is mapped later
	// must not be what goes beyond a limit: the runtime could not go on.
	flags := unix.MCL_CURRENT | unix.MCL_ONFAULT
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_MEMLOCK, &limit) == nil && limit.Cur == unix.RLIM_INFINITY {
		flags |= unix.MCL_FUTURE
	}
	_ = unix.Mlockall(flags)
	// A rehearsal, which asks for loopback and finds nothing to do.
	_ = w.kernel.Release(context.Background(), vip.Claim{Router: rehearsal, Interface: "lo"})
	debug.FreeOSMemory()
}

const rehearsal = "guardian"

// awaitDeath makes the eventfd readable when the agent is dead.
func (w *watch) awaitDeath() {
	if err := lockWhole(w.files[fileLeases], unix.F_SETLKW); err != nil {
		w.say(slog.LevelError, "the guardian will see the agent's death late", slog.Any("err", err))
		return
	}
	_, _ = unix.Write(w.dead, []byte{1, 0, 0, 0, 0, 0, 0, 0})
}

// untilDeath returns when the agent is dead.
func (w *watch) untilDeath() error {
	go w.awaitDeath()
	var fds []unix.PollFd
	for _, fd := range []int{w.dead, w.agent, w.timer} {
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	for {
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return err
		}
		dead := fds[0].Revents != 0
		if dead || fds[1].Revents != 0 {
			// Dead or not, what it said last counts.
			ended, err := w.receive()
			if err != nil && !dead && !ended {
				return err
			}
			if dead || ended {
				return nil
			}
		}
		w.look()
	}
}

// receive takes in what the agent has said. ended: it will say no more.
func (w *watch) receive() (ended bool, err error) {
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(w.agent, buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return false, w.take()
		case errors.Is(err, unix.ECONNRESET) || err == nil && n == 0:
			return true, w.take()
		case err != nil:
			return false, fmt.Errorf("reading from the agent: %w", err)
		}
		w.stream = append(w.stream, buf[:n]...)
	}
}

// take takes the whole frames off the stream. Of several wills the last counts.
func (w *watch) take() error {
	var last []byte
	for {
		kind, payload, rest, err := cutFrame(w.stream)
		if err != nil {
			return err
		}
		if kind == 0 {
			break
		}
		if kind == frameWill {
			last = payload
		}
		w.stream = rest
	}
	if last != nil {
		will, err := parseWill(last)
		if err != nil {
			w.say(slog.LevelError, "the guardian keeps the will that it has", slog.Any("err", err))
		} else {
			w.will = will
		}
	}
	if len(w.stream) == 0 {
		w.stream = nil
	}
	return nil
}

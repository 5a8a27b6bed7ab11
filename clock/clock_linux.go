// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package clock

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Clock counts CLOCK_BOOTTIME from when it was made.
type Clock struct {
	start time.Time // what Now began with
	boot  int64     // CLOCK_BOOTTIME then, nanoseconds
}

// New makes a Clock that begins with the present wall-clock time. Later steps
// of the wall clock don't move it.
func New() (*Clock, error) {
	boot, err := boottime()
	if err != nil {
		return nil, err
	}
	return &Clock{start: time.Now(), boot: boot}, nil
}

// Now is the present.
func (c *Clock) Now() time.Time {
	boot, err := boottime()
	if err != nil { // New has read the clock once, and it doesn't go away
		return time.Now()
	}
	return c.start.Add(time.Duration(boot - c.boot))
}

func boottime() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("reading the clock: %w", err)
	}
	return t.Nano(), nil
}

// Alarm wakes who listens to C. Set and C are for one goroutine.
type Alarm struct {
	clock *Clock
	file  *os.File // a timerfd
	fd    int
	c     chan time.Time
	wait  sync.WaitGroup
}

// NewAlarm makes an Alarm that isn't set. It has a goroutine, which Close ends.
func (c *Clock) NewAlarm() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a timer: %w", err)
	}
	a := &Alarm{clock: c, fd: fd, file: os.NewFile(uintptr(fd), "timerfd"), c: make(chan time.Time, 1)}
	a.wait.Go(a.ring)
	return a, nil
}

// Set asks for a wake-up at a time of the Clock, in place of the one before.
func (a *Alarm) Set(at time.Time) {
	// Absolute, so that what happens between here and the kernel costs nothing.
	// Zero would disarm it.
	ns := max(1, a.clock.boot+int64(at.Sub(a.clock.start)))
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(ns)}
	if err := unix.TimerfdSettime(a.fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		a.deliver() // can't be, but who waits must not wait for ever
	}
}

// C delivers the wake-ups.
func (a *Alarm) C() <-chan time.Time { return a.c }

// ring turns the timer's expiries into wake-ups until it is closed.
func (a *Alarm) ring() {
	var count [8]byte
	for {
		if _, err := a.file.Read(count[:]); err != nil {
			return
		}
		a.deliver()
	}
}

func (a *Alarm) deliver() {
	select {
	case a.c <- time.Now():
	default: // one is waiting
	}
}

// Close ends the Alarm.
func (a *Alarm) Close() error {
	err := a.file.Close()
	a.wait.Wait()
	if err != nil {
		return fmt.Errorf("closing a timer: %w", err)
	}
	return nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// expected is how long a session is expected to last: memory for that long is
// taken beforehand.
const expected = time.Minute

// prober is a part of a session. All calls come from the session's thread.
type prober interface {
	send(now time.Duration)  // sends what is due
	drain(stamps translator) // reads all that came; does not block
	close()
}

// Session paces probes. Probes are added before Run.
type Session struct {
	interval time.Duration
	epoch    time.Time
	probers  []prober
	ids      uint16
	late     Lateness
}

// Lateness tells how punctual a session was.
type Lateness struct {
	Ticks  int           // wake-ups
	Missed int           // those left out because the one before was too late
	Max    time.Duration // how late the latest was
	Sum    time.Duration
}

// Mean is the mean lateness.
func (l Lateness) Mean() time.Duration {
	if l.Ticks == 0 {
		return 0
	}
	return l.Sum / time.Duration(l.Ticks)
}

// New makes a session that probes every interval.
func New(interval time.Duration) *Session {
	return &Session{interval: interval, epoch: time.Now()}
}

// Now is the present in the session's time.
func (s *Session) Now() time.Duration { return time.Since(s.epoch) }

// Lateness tells, after Run, how punctual the session was.
func (s *Session) Lateness() Lateness { return s.late }

// room is how many probes are expected.
func (s *Session) room() int { return int(expected/s.interval) + 1 }

// Run probes until ctx ends, and closes the session.
func (s *Session) Run(ctx context.Context) error {
	defer s.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var start unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &start); err != nil {
		return fmt.Errorf("reading the clock: %w", err)
	}
	first := s.Now()
	for due := time.Duration(0); ctx.Err() == nil; due += s.interval {
		at := unix.NsecToTimespec(start.Nano() + int64(due))
		if err := sleepUntil(at); err != nil {
			return err
		}
		now := s.Now()
		late := now - first - due
		s.late.Ticks++
		s.late.Sum += late
		s.late.Max = max(s.late.Max, late)
		if missed := late / s.interval; missed > 0 {
			s.late.Missed += int(missed)
			due += late.Truncate(s.interval)
		}
		for _, p := range s.probers {
			p.send(s.Now())
		}
		stamps := s.translator()
		for _, p := range s.probers {
			p.drain(stamps)
		}
	}
	return nil
}

// Close closes the probes of a session that was not run. After Run it does
// nothing.
func (s *Session) Close() {
	for _, p := range s.probers {
		p.close()
	}
	s.probers = nil
}

// sleepUntil waits for a time on the monotonic clock.
func sleepUntil(at unix.Timespec) error {
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("sleeping: %w", err)
		}
	}
}

// translator turns the kernel's time stamps, which are wall time, into the
// session's.
type translator struct {
	wall int64 // nanoseconds
	now  time.Duration
}

// translator is good for stamps of the last moments: a step of the wall clock
// spoils those of one tick.
func (s *Session) translator() translator {
	now := time.Now()
	return translator{wall: now.UnixNano(), now: now.Sub(s.epoch)}
}

// at is a stamp in the session's time.
func (t translator) at(stamp int64) time.Duration {
	if stamp == 0 {
		return t.now
	}
	return t.now - time.Duration(t.wall-stamp)
}

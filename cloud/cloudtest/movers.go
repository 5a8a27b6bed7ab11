// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"context"
	"errors"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/vip"
)

// The cases of this file go through a Mover of the Provider.

// acquireTwice: again in the same term writes nothing, a new term writes.
func acquireTwice(s *story) {
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.wants(0, "acquired")
	var writes int
	if s.Writes != nil {
		writes = s.Writes(0)
	}
	for range 3 {
		s.must(m.Acquire(s.Context(), s.claim(1)))
		pause(s.poll)
	}
	if s.Writes != nil && s.Writes(0) != writes {
		s.Errorf("%d writes though all was held", s.Writes(0)-writes)
	}
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.wants(0, "acquired in a new term")
	if held, err := m.Held(s.Context(), s.claim(2)); !held || err != nil {
		s.Errorf("held: %v, %v", held, err)
	}
	st := m.Status("web")
	if !st.Wanted || st.Moved != len(s.objects) || st.Verified.IsZero() || st.Timeline.Visible == 0 {
		s.Errorf("the status is %+v", st)
	}
}

func steal(s *story) {
	s.must(s.mover(0, nil).Acquire(s.Context(), s.claim(1)))
	s.must(s.mover(1, nil).Acquire(s.Context(), s.claim(2)))
	s.wants(1, "stolen")
}

// stealLater: without a guard the first take-over lets another keep what it has
// for a moment, and not for ever.
func stealLater(s *story) {
	s.must(s.mover(0, nil).Acquire(s.Context(), s.claim(1)))
	m := s.mover(1, func(c *cloud.Config) { c.Steal = cloud.StealLater })
	began := time.Now()
	ctx, cancel := context.WithTimeout(s.Context(), 500*time.Millisecond)
	if err := m.Acquire(ctx, s.claim(2)); err == nil {
		s.Error("it was taken at once")
	}
	cancel()
	s.wants(0, "when it was not wanted any more")
	s.must(m.Acquire(s.Context(), s.claim(3)))
	s.wants(1, "when it was wanted still")
	if took := time.Since(began); took < time.Second {
		s.Errorf("it was taken after %v", took)
	}
}

func release(s *story) {
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.must(m.Release(s.Context(), s.claim(1)))
	s.wants(0, "left to the successor")
	if held, _ := m.Held(s.Context(), s.claim(1)); held || m.Status("web").Wanted {
		s.Error("it is held still")
	}
	m = s.mover(0, func(c *cloud.Config) { c.Release = true })
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.must(m.Release(s.Context(), s.claim(2)))
	s.wants(-1, "released")
	s.must(m.Release(s.Context(), s.claim(2)))
}

func releaseOther(s *story) {
	m := s.mover(0, func(c *cloud.Config) { c.Release = true })
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.must(s.mover(1, nil).Acquire(s.Context(), s.claim(2)))
	s.must(m.Release(s.Context(), s.claim(1)))
	s.wants(1, "released by the former holder")
}

// cancelled: an Acquire that is not wanted any more ends, and the next one goes
// well.
func cancelled(s *story) {
	s.needs("slow requests", s.Slow != nil)
	s.Slow(500 * time.Millisecond)
	m := s.mover(0, nil)
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	if err := m.Acquire(ctx, s.claim(1)); !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("acquired in the middle: %v", err)
	}
	s.must(m.Release(s.Context(), s.claim(1)))
	s.Slow(0)
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.wants(0, "acquired again")
}

func throttled(s *story) {
	s.needs("throttling", s.Throttle != nil)
	s.Throttle(2)
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.wants(0, "acquired")
	if m.Status("web").Failures["throttled"] == 0 {
		s.Error("no failure was counted")
	}
}

// halfMoved: what has moved stays moved and is not written again; the rest follows
// when it can.
func halfMoved(s *story) {
	s.needs("a claim of more than one object, of which one is refused", s.Refuse != nil && len(s.objects) > 1)
	last := s.objects[len(s.objects)-1]
	s.Refuse(last, 1000)
	m := s.mover(0, func(c *cloud.Config) { c.Budget = time.Second })
	if err := m.Acquire(s.Context(), s.claim(1)); err == nil {
		s.Fatal("acquired, though an object could not be moved")
	}
	if held, _ := m.Held(s.Context(), s.claim(1)); held {
		s.Error("it is held, though an object could not be moved")
	}
	s.Refuse(last, 0)
	var before int
	if s.Writes != nil {
		before = s.Writes(0)
	}
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.wants(0, "acquired")
	if s.Writes != nil && s.Writes(0) != before+1 {
		s.Errorf("the rest took %d writes, want 1", s.Writes(0)-before)
	}
}

// stale: nothing is acquired before the cloud shows it.
func stale(s *story) {
	s.needs("a lag", s.Lag != nil)
	s.must(s.mover(1, nil).Acquire(s.Context(), s.claim(1)))
	s.Lag(700 * time.Millisecond)
	began := time.Now()
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(2)))
	if took := time.Since(began); took < 700*time.Millisecond {
		s.Errorf("acquired after %v, before the cloud showed it", took)
	}
	s.wants(0, "acquired")
	if n := m.Status("web").TakenBack; n != 0 {
		s.Errorf("%d objects were taken back that nobody took", n)
	}
}

func responseLost(s *story) {
	s.needs("answers lost", s.Lose != nil)
	s.Lose(1)
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.wants(0, "acquired")
}

// denied: what is not permitted is not tried again.
func denied(s *story) {
	s.needs("denial", s.Deny != nil)
	s.Deny(true)
	m := s.mover(0, func(c *cloud.Config) { c.Budget = time.Minute })
	began := time.Now()
	if err := m.Acquire(s.Context(), s.claim(1)); cloud.KindOf(err) != cloud.Denied || err == nil {
		s.Errorf("acquired: %v, want denied", err)
	}
	if took := time.Since(began); took > 30*time.Second {
		s.Errorf("that took %v", took)
	}
	if st := m.Status("web"); st.ErrorKind != "denied" || st.Error == "" {
		s.Errorf("the status is %+v", st)
	}
	s.Deny(false)
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.wants(0, "when it was permitted")
}

// down: a take-over ends with its budget.
func down(s *story) {
	s.needs("an outage", s.Down != nil)
	s.Down(true)
	m := s.mover(0, func(c *cloud.Config) {
		c.Budget = time.Second
		c.Rand = func() float64 { return 0.9 } // four attempts: many more, of many objects, are throttled
	})
	if err := m.Acquire(s.Context(), s.claim(1)); err == nil || cloud.KindOf(err) != cloud.Unavailable {
		s.Errorf("acquired: %v, want unavailable", err)
	}
	s.Down(false)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.wants(0, "after the outage")
}

// downWhileHolding: who holds goes on holding while the cloud can't be asked.
func downWhileHolding(s *story) {
	s.needs("an outage", s.Down != nil)
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.own(m, s.claim(1))
	s.Down(true)
	for end := time.Now().Add(s.outage); time.Now().Before(end); pause(s.poll) {
		if err := m.Acquire(s.Context(), s.claim(1)); err != nil {
			s.Fatalf("not held any more: %v", err)
		}
	}
	if held, err := m.Held(s.Context(), s.claim(1)); !held || err != nil {
		s.Errorf("held: %v, %v", held, err)
	}
	s.eventually("that the cloud can't be asked", func() bool { return m.Status("web").Unverified != "" })
	s.Down(false)
	s.eventually("that it can again", func() bool { return m.Status("web").Unverified == "" })
	s.wants(0, "after the outage")
}

// drift: what somebody else takes is taken back, and counted.
func drift(s *story) {
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.own(m, s.claim(1))
	s.Give(s.objects[0], 1)
	s.eventually("the object", func() bool { return s.all(0) && m.Status("web").TakenBack == 1 })
}

// removed: so is what somebody took from all.
func removed(s *story) {
	m := s.mover(0, nil)
	s.must(m.Acquire(s.Context(), s.claim(1)))
	s.own(m, s.claim(1))
	s.Give(s.objects[0], -1)
	s.eventually("the object", func() bool { return s.all(0) && m.Status("web").TakenBack == 1 })
}

// lateWrite: what a former holder has sent, and what comes after its successor's,
// is put right soon, and not at the next poll only.
func lateWrite(s *story) {
	s.needs("late writes, and counting what has left", s.Late != nil && s.Writes != nil)
	s.Late(1, 700*time.Millisecond)
	former := s.mover(1, nil)
	ctx, cancel := context.WithCancel(s.Context())
	defer cancel()
	given := make(chan struct{})
	go func() {
		defer close(given)
		_ = former.Acquire(ctx, s.claim(1)) // the holder shows what came of it
	}()
	s.eventually("the former holder's write", func() bool { return s.Writes(1) > 0 })
	pause(50 * time.Millisecond) // for those beside it
	cancel()
	<-given
	m := s.mover(0, func(c *cloud.Config) { c.Poll = time.Hour })
	s.own(m, s.claim(2))
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.wants(0, "acquired")
	s.eventually("the late write", func() bool { return !s.all(0) || m.Status("web").TakenBack > 0 })
	s.eventually("the object", func() bool { return s.all(0) && m.Status("web").TakenBack > 0 })
}

// epochRefused: whoever may not write does not, not even once.
func epochRefused(s *story) {
	m := s.mover(0, func(c *cloud.Config) {
		c.Release = true
		c.Epoch = func(vip.Claim) error { return errForbidden }
	})
	err := m.Acquire(s.Context(), s.claim(1))
	if !errors.Is(err, cloud.ErrSuperseded) || !errors.Is(err, errForbidden) {
		s.Errorf("acquired: %v", err)
	}
	s.must(m.Release(s.Context(), s.claim(1)))
	if s.Writes != nil && s.Writes(0) != 0 {
		s.Errorf("%d writes have left", s.Writes(0))
	}
	s.wants(-1, "afterwards")
	lost := false
	m = s.mover(0, func(c *cloud.Config) {
		c.Epoch = func(vip.Claim) error {
			if lost {
				return errForbidden
			}
			return nil
		}
	})
	s.must(m.Acquire(s.Context(), s.claim(2)))
	s.must(s.mover(1, nil).Acquire(s.Context(), s.claim(3)))
	lost = true
	s.own(m, s.claim(2))
	s.eventually("the loss", func() bool { return errors.Is(m.Acquire(s.Context(), s.claim(2)), cloud.ErrSuperseded) })
	s.wants(1, "after the lease was lost")
}

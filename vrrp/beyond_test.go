// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"testing"
	"time"
)

// What goes beyond the RFC and has no transcript.

func TestAnswersAreLimited(t *testing.T) {
	r := newActive(t, nil)
	for range maxAnswers {
		r.want(heard(below, 99), "send 100", "announce", "notice rival of 192.0.2.9")
	}
	r.want(heard(below, 99), "notice rival of 192.0.2.9")
	r.wait(time.Second)
	r.want(Tick{}, "send 100")
	r.want(heard(below, 99), "send 100", "announce", "notice rival of 192.0.2.9")
}

func TestResignIsForgotten(t *testing.T) {
	t.Run("when another Active is heard first", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(Stop{}, "Active -> Initialize: stopped", "disown 1")
		r.want(heard(below, 90))
		r.want(Settled{Term: 1})
	})
	t.Run("when it is Active again", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(Fault{"link down"}, "Active -> Initialize: link down", "disown 1")
		r.want(Clear{}, "Initialize -> Backup: recovered from: link down")
		r.toDeadline()
		r.want(Tick{}, "send 100", "own 2", "Backup -> Active: no Active Router heard")
		if r.e.Busy() {
			t.Error("busy while Active")
		}
		r.want(Settled{Term: 1})
		r.want(Settled{Term: 2})
		r.wantState(Active)
	})
	t.Run("not when the Disown fails at first", func(t *testing.T) {
		r := newActive(t, nil)
		r.want(Stop{}, "Active -> Initialize: stopped", "disown 1")
		r.want(Settled{Term: 1, Err: errors.New("netlink is busy")})
		if !r.e.Busy() || !r.e.Status().Resigning {
			t.Error("gave up giving up")
		}
		r.want(Settled{Term: 1}, "send 0")
		if r.e.Busy() || r.e.Status().Resigning {
			t.Error("still busy")
		}
	})
}

func TestHoldOffGrows(t *testing.T) {
	r := newActive(t, func(c *Config) { c.Interval = 100 * time.Millisecond })
	fail := func(term uint64) Settled {
		return Settled{Term: term, Held: true, Err: errors.New("permission denied")}
	}
	for i := range maxDoublings + 2 {
		term := uint64(i + 1)
		r.want(fail(term), "Active -> Initialize: cannot hold the addresses: permission denied", describe(Disown{term}))
		r.want(Settled{Term: term}, "send 0")
		r.wantTimer(min(minHoldOff<<i, maxHoldOff))
		r.toDeadline()
		r.want(Tick{}, "Initialize -> Backup: recovered from: cannot hold the addresses: permission denied")
		r.toDeadline()
		r.want(Tick{}, "send 100", describe(Own{Term: term + 1}), "Backup -> Active: no Active Router heard")
	}
	r.want(Settled{Term: maxDoublings + 3, Held: true})
	r.want(fail(maxDoublings+3), "Active -> Initialize: cannot hold the addresses: permission denied", describe(Disown{maxDoublings + 3}))
	r.wantTimer(minHoldOff)
}

func TestStatus(t *testing.T) {
	r := newBackup(t, nil)
	r.wait(time.Second)
	r.want(heardAs(above, 200, every(2*time.Second)), "notice interval of 192.0.2.11")
	want := Status{
		State: Backup, Reason: "started", Since: t0, Priority: 100, Primary: self,
		Active: above, ActivePriority: 200, Interval: 2 * time.Second,
	}
	if got := r.e.Status(); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

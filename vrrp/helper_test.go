// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	self  = netip.MustParseAddr("192.0.2.10")
	above = netip.MustParseAddr("192.0.2.11") // a peer that wins a tie
	below = netip.MustParseAddr("192.0.2.9")  // a peer that loses it
	vip   = netip.MustParseAddr("192.0.2.100")
)

// standard is the configuration that tests start from: with it Skew_Time is
// 609.375 ms and Active_Down_Interval 3.609375 s.
func standard() Config {
	return Config{
		Version:   wire.V3,
		VRID:      51,
		Priority:  100,
		Interval:  time.Second,
		Preempt:   true,
		Addresses: []netip.Addr{vip},
	}
}

// router is an Engine with a clock and the wish to fail a test.
type router struct {
	*testing.T
	e   *Engine
	now time.Time
}

// newRouter makes a router that has its primary address and is not started.
func newRouter(t *testing.T, change func(*Config)) *router {
	t.Helper()
	cfg := standard()
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &router{T: t, e: e, now: t0}
	r.want(SetPrimary{self})
	return r
}

// newBackup makes a router in Backup since t0.
func newBackup(t *testing.T, change func(*Config)) *router {
	t.Helper()
	r := newRouter(t, change)
	r.want(Start{}, "Initialize -> Backup: started")
	return r
}

// newActive makes a router that has just become Active and holds the addresses.
func newActive(t *testing.T, change func(*Config)) *router {
	t.Helper()
	r := newBackup(t, change)
	r.toDeadline()
	r.want(Tick{}, fmt.Sprintf("send %d", r.e.cfg.Priority), "own 1", "Backup -> Active: no Active Router heard")
	r.want(Settled{Term: 1, Held: true})
	return r
}

// want steps the engine and compares its actions.
func (r *router) want(ev Event, want ...string) {
	r.Helper()
	got := describeAll(r.e.Step(r.now, ev))
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.Fatalf("%T%+v:\n got %q\nwant %q", ev, ev, got, want)
	}
}

// wait lets time pass without a Tick.
func (r *router) wait(d time.Duration) { r.now = r.now.Add(d) }

// toDeadline lets time pass until the timer is due.
func (r *router) toDeadline() {
	r.Helper()
	due, ok := r.e.Deadline()
	if !ok {
		r.Fatal("no deadline")
	}
	r.now = due
}

// wantTimer compares what the running timer has left.
func (r *router) wantTimer(left time.Duration) {
	r.Helper()
	due, ok := r.e.Deadline()
	if got := due.Sub(r.now); !ok || got != left {
		r.Fatalf("timer has %v left (%v), want %v", got, ok, left)
	}
}

func (r *router) wantNoTimer() {
	r.Helper()
	if due, ok := r.e.Deadline(); ok {
		r.Fatalf("a timer runs: %v left", due.Sub(r.now))
	}
}

func (r *router) wantState(s State) {
	r.Helper()
	if got := r.e.State(); got != s {
		r.Fatalf("in %v, want %v", got, s)
	}
}

// heard is an advert with the standard interval and addresses.
func heard(from netip.Addr, priority uint8) Received {
	return heardAs(from, priority, nil)
}

func heardAs(from netip.Addr, priority uint8, change func(*wire.Advert)) Received {
	ad := &wire.Advert{
		Version: wire.V3, VRID: 51, Priority: priority, Interval: time.Second, Addresses: []netip.Addr{vip},
	}
	if change != nil {
		change(ad)
	}
	return Received{from, ad}
}

// every makes an advert's interval d.
func every(d time.Duration) func(*wire.Advert) {
	return func(ad *wire.Advert) { ad.Interval = d }
}

func describeAll(actions []Action) []string {
	var out []string
	for _, a := range actions {
		out = append(out, describe(a))
	}
	return out
}

// describe is an action as transcripts show it.
func describe(a Action) string {
	switch a := a.(type) {
	case Send:
		return fmt.Sprintf("send %d", a.Priority)
	case Own:
		if a.Again {
			return fmt.Sprintf("own %d again", a.Term)
		}
		return fmt.Sprintf("own %d", a.Term)
	case Disown:
		return fmt.Sprintf("disown %d", a.Term)
	case Announce:
		return "announce"
	case Claim:
		if a.Preempt {
			return "claim, preempts"
		}
		return "claim"
	case Unclaim:
		return "unclaim"
	case Change:
		return fmt.Sprintf("%v -> %v: %s", a.From, a.To, a.Reason)
	case Notice:
		return fmt.Sprintf("notice %v of %v", a.Kind, a.From)
	default:
		return fmt.Sprintf("unknown action %T", a)
	}
}

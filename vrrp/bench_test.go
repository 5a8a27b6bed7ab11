// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// steady is what a Group does 25,000 times a second.
type steady struct {
	g     *Group
	now   time.Time
	peer  netip.Addr
	heard wire.Advert
	event Event
}

func newSteady(tb testing.TB, active bool, change func(*wire.Advert)) *steady {
	cfg := standard()
	cfg.Interval, cfg.Epoch = 100*time.Millisecond, t0
	e, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	s := &steady{g: NewGroup(e), now: t0, peer: above}
	s.heard = wire.Advert{Version: wire.V3, VRID: 51, Priority: 200, Interval: cfg.Interval, Addresses: []netip.Addr{vip}}
	if change != nil {
		change(&s.heard)
	}
	s.g.Step(s.now, 0, SetPrimary{self})
	s.g.Step(s.now, 0, Start{})
	if active {
		s.tick()
	}
	s.event = Received{s.peer, &s.heard}
	return s
}

func (s *steady) tick() []MemberAction {
	s.now, _ = s.g.Deadline(0)
	return s.g.Step(s.now, 0, Tick{})
}

func (s *steady) receive() []MemberAction {
	s.now = s.now.Add(time.Millisecond)
	return s.g.Step(s.now, 0, s.event)
}

// receiveBoxed makes the event anew, as a driver would.
func (s *steady) receiveBoxed() []MemberAction {
	s.now = s.now.Add(time.Millisecond)
	return s.g.Step(s.now, 0, Received{s.peer, &s.heard})
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	other := func(ad *wire.Advert) {
		ad.Interval, ad.Addresses = time.Second, []netip.Addr{above, vip}
	}
	for name, step := range map[string]func() []MemberAction{
		"Received in Backup":                newSteady(t, false, nil).receive,
		"Received in Backup, made anew":     newSteady(t, false, nil).receiveBoxed,
		"Received in Backup, misconfigured": newSteady(t, false, other).receive,
		"Tick in Active":                    newSteady(t, true, nil).tick,
	} {
		step() // notices are remembered
		if got := testing.AllocsPerRun(100, func() { step() }); got > 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}

func BenchmarkReceivedInBackup(b *testing.B) {
	s := newSteady(b, false, nil)
	b.ReportAllocs()
	for b.Loop() {
		s.receive()
	}
}

func BenchmarkTickInActive(b *testing.B) {
	s := newSteady(b, true, nil)
	b.ReportAllocs()
	for b.Loop() {
		s.tick()
	}
}

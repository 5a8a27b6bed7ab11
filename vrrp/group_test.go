// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// twoHosts is two hosts with two members each, whose addresses are ordered one
// way in the first member and the other way in the second.
func twoHosts(t *testing.T, seed uint64, first, second uint8) *lan {
	t.Helper()
	l := newLAN(seed)
	for i, priority := range []uint8{first, second} {
		var cfgs []Config
		for m := range 2 {
			cfg := standard()
			cfg.VRID, cfg.Priority, cfg.Interval = uint8(51+m), priority, 100*time.Millisecond
			cfgs = append(cfgs, cfg)
		}
		addrs := []netip.Addr{
			netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + i)}),
			netip.AddrFrom4([4]byte{192, 0, 2, byte(20 - i)}),
		}
		if err := l.add(addrs, cfgs...); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *lan) startAll() {
	for _, h := range l.hosts {
		l.step(h, 0, Start{})
	}
}

// settled lets time pass and asks for one holder, and for quiet.
func (l *lan) settled(t *testing.T, seed uint64, wait time.Duration) {
	t.Helper()
	l.run(wait)
	quiet := len(l.log)
	l.run(time.Minute)
	a, b := l.hosts[0].group.Member(0).State(), l.hosts[1].group.Member(0).State()
	if n := len(l.log) - quiet; n > 0 || l.wrong != nil || (a == Active) == (b == Active) {
		t.Errorf("seed %d: %v and %v, %d late transitions, %v\n%s", seed, a, b, n, l.wrong, strings.Join(l.log, "\n"))
	}
}

// Equal priorities and a simultaneous start: both become Active, and opposite
// tie-breaks must not make one win here and the other there.
func TestGroupsTie(t *testing.T) {
	for seed := range uint64(200) {
		l := twoHosts(t, seed, 100, 100)
		l.startAll()
		l.settled(t, seed, 2*time.Second)
	}
}

func TestGroupsConvergeAfterLoss(t *testing.T) {
	for seed := range uint64(200) {
		l := twoHosts(t, seed, 100, 100+uint8(seed%2))
		l.loss = 0.2 + 0.6*l.rng.Float64()
		l.startAll()
		l.run(10 * time.Second)
		l.loss = 0
		l.settled(t, seed, 5*time.Second)
	}
}

// One family's adverts don't pass: whoever holds goes on, and nobody flaps.
func TestGroupKeepsStillWhenOneFamilyIsCut(t *testing.T) {
	for name, priorities := range map[string][2]uint8{
		"the better one is not heard": {200, 100},
		"the worse one is not heard":  {100, 200},
		"equal":                       {100, 100},
	} {
		t.Run(name, func(t *testing.T) {
			l := twoHosts(t, 1, priorities[0], priorities[1])
			l.startAll()
			l.run(5 * time.Second)
			for m := range 2 {
				l.cut[[3]int{0, 1, m}] = true
				l.cut[[3]int{1, 0, m}] = true
				l.settled(t, 1, 0)
				clear(l.cut)
				l.settled(t, 1, 0)
			}
		})
	}
}

// The members' rules cost no time: a dead Active is replaced after the first
// member's Active_Down_Interval.
func TestGroupTakesOverInTime(t *testing.T) {
	for seed := range uint64(50) {
		l := twoHosts(t, seed, 200, 100)
		l.step(l.hosts[0], 0, Start{})
		l.run(time.Second)
		l.step(l.hosts[1], 0, Start{})
		l.run(l.between(time.Second, 2*time.Second))
		l.hosts[0].frozen = l.now.Add(time.Hour)
		died := l.now
		l.run(ActiveDownInterval(3, 100, 100*time.Millisecond) + 5*time.Millisecond)
		if l.hosts[1].group.Member(1).State() != Active {
			t.Errorf("seed %d: not replaced %v after %v", seed, l.now.Sub(died), died.Sub(t0))
		}
	}
}

func TestGroupOfOneIsThatOne(t *testing.T) {
	cfg := standard()
	cfg.Follower = true
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g := NewGroup(e)
	if e.group != nil || !e.cfg.Follower {
		t.Error("changed it")
	}
	if g.Len() != 1 || g.Member(0) != e || g.Busy() {
		t.Error("is another")
	}
}

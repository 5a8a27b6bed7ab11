// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// guardedWorld is a guarded group, with who guards it and who moves its
// addresses.
type guardedWorld struct {
	t       *testing.T
	r       *rand.Rand
	g       *Group
	now     time.Time
	claimed bool
	lease   uint64 // what is granted; 0: nothing
	terms   uint64
	owned   []uint64  // by member: the term of the addresses that may be there
	asked   []Settled // by member: the answer to come; no Term: none
}

// TestGuardedGroup plays seeded events to groups: no member is Active or holds
// addresses without a lease, all are or none, and priority 0 says that nothing is
// held any more.
func TestGuardedGroup(t *testing.T) {
	actives := 0
	for seed := range uint64(200) {
		n := int(1 + seed%3)
		w := &guardedWorld{t: t, r: rand.New(rand.NewPCG(seed, 1)), now: t0, owned: make([]uint64, n), asked: make([]Settled, n)}
		var engines []*Engine
		for range n {
			cfg := standard()
			cfg.Guarded = true
			e, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			engines = append(engines, e)
		}
		w.g = NewGroup(engines...)
		for i := range engines {
			w.step(i, SetPrimary{self})
		}
		w.step(0, Start{})
		for range 400 {
			w.play()
		}
		actives += int(w.terms)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if actives < 1000 {
		t.Errorf("only %d leases were granted: the test shows little", actives)
	}
}

// play lets something happen.
func (w *guardedWorld) play() {
	member := w.r.IntN(len(w.owned))
	w.now = w.now.Add(time.Duration(w.r.Int64N(int64(300 * time.Millisecond))))
	switch w.r.IntN(12) {
	case 0, 1, 2:
		if due, ok := w.g.Deadline(member); ok {
			if due.After(w.now) {
				w.now = due
			}
			w.step(member, Tick{})
		}
	case 3, 4:
		w.settle()
	case 5, 6:
		// A guard that has won a lease back grants it again, in another term.
		if w.claimed && w.lease == 0 || w.g.active() && w.r.IntN(4) == 0 {
			w.terms++
			w.lease = w.terms
			w.step(0, Granted{w.lease})
		}
	case 7:
		if w.lease != 0 && w.r.IntN(4) == 0 {
			w.lease, w.claimed = 0, false
			w.step(0, Revoked{"held"})
		}
	case 8:
		priorities := []uint8{0, 50, 100, 200, 255}
		w.step(member, Received{netip.MustParseAddr("192.0.2.11"), &wire.Advert{
			Version: wire.V3, VRID: 51, Priority: priorities[w.r.IntN(len(priorities))], Interval: time.Second, Addresses: standard().Addresses,
		}})
	case 9:
		w.step(member, Fault{"down"})
		w.step(member, Clear{})
	case 10:
		w.step(member, Leave{"hands over"})
	default:
		w.step(member, Succeed{"hands over"})
	}
}

// settle answers for the addresses.
func (w *guardedWorld) settle() {
	for i, s := range w.asked {
		if s.Term == 0 {
			continue
		}
		w.asked[i] = Settled{}
		if !s.Held {
			w.owned[i] = 0
		}
		w.step(i, s)
	}
}

func (w *guardedWorld) step(member int, ev Event) {
	unclaimed := false
	for _, a := range w.g.Step(w.now, member, ev) {
		switch act := a.Action.(type) {
		case Claim:
			w.claimed = true
		case Unclaim:
			unclaimed = true
		case Own:
			if w.lease == 0 || act.Term != w.lease {
				w.t.Errorf("member %d owns in term %d, and %d is granted", a.Member, act.Term, w.lease)
			}
			w.owned[a.Member] = act.Term
			w.asked[a.Member] = Settled{Term: act.Term, Held: true}
		case Disown:
			w.asked[a.Member] = Settled{Term: act.Term}
		case Send:
			if act.Priority == wire.PriorityStop && w.holds() {
				w.t.Errorf("member %d gives up while addresses are held: %v", a.Member, w.owned)
			}
		}
	}
	for i := range w.owned {
		e := w.g.Member(i)
		if (e.State() == Active) != w.g.active() || e.State() == Active && (w.lease == 0 || e.term != w.lease) {
			w.t.Errorf("after %T member %d is %v in term %d, and %d is granted", ev, i, e.State(), e.term, w.lease)
		}
	}
	if !w.g.active() && !w.holds() && (unclaimed || w.lease != 0) {
		w.lease, w.claimed = 0, false // the driver returns it
	}
}

func (w *guardedWorld) holds() bool {
	for _, term := range w.owned {
		if term != 0 {
			return true
		}
	}
	return false
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// FuzzStep gives a Group any events at any times. The first byte chooses the
// configuration; then each event is a kind, an argument and the time before it.
func FuzzStep(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00\x00\x00\xff\x00\x00\xff\x02\x00\x00")) // startup and takeover
	f.Add([]byte("\x03\x01\x00\x00\x00\x00\xff\x00\x00\xff\x0b\x01\x01\x02\x00\x00\x0c\x01\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newChecker(t, data)
		for data = data[min(1, len(data)):]; len(data) >= 3; data = data[3:] {
			c.now = c.now.Add(time.Duration(data[2]) * time.Duration(data[2]) * 100 * time.Microsecond)
			c.step(fuzzEvent(c, data[0], data[1]))
		}
	})
}

// checker steps a Group and holds it to its promises.
type checker struct {
	*testing.T
	g       *Group
	now     time.Time
	members []promise
}

// promise is what a member has said so far.
type promise struct {
	state State
	owned uint64 // the term of the last Own
	gone  uint64 // the term of the last Disown
}

func newChecker(t *testing.T, data []byte) *checker {
	var flags byte
	if len(data) > 0 {
		flags = data[0]
	}
	c := &checker{T: t, now: t0}
	var engines []*Engine
	for i := range 1 + int(flags&1) + int(flags>>1&1) {
		cfg := standard()
		cfg.VRID += uint8(i)
		if flags&4 != 0 {
			cfg.Version = wire.V2
		}
		cfg.Preempt = flags&8 == 0
		if flags&16 != 0 {
			cfg.Priority = 255
		}
		if flags&32 != 0 && cfg.Preempt {
			cfg.PreemptDelay = 2 * time.Second
		}
		if flags&64 != 0 {
			cfg.Epoch = t0.Add(-time.Hour + time.Nanosecond)
		}
		e, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		engines = append(engines, e)
	}
	c.g = NewGroup(engines...)
	c.members = make([]promise, len(engines))
	if flags&128 == 0 {
		for i := range engines {
			c.step(i, SetPrimary{self})
		}
	}
	return c
}

// fuzzEvent makes an event of two bytes; the kind's high bits are the member.
func fuzzEvent(c *checker, kind, arg byte) (int, Event) {
	member := int(kind>>6) % c.g.Len()
	e := c.g.Member(member)
	term := e.term - uint64(arg&1)
	var err error
	if arg&2 != 0 {
		err = errors.New("permission denied")
	}
	from := []netip.Addr{above, below, self, {}}[arg&3]
	switch kind % 16 {
	case 0:
		if due, ok := c.g.Deadline(member); ok && due.After(c.now) {
			c.now = due
		}
		return member, Tick{}
	case 1:
		return member, Start{}
	case 2:
		return member, Stop{}
	case 3:
		return member, Tick{}
	case 4, 5, 6:
		intervals := []time.Duration{time.Second, time.Second, 40950 * time.Millisecond, 10 * time.Millisecond, 0}
		return member, heardAs(from, arg, every(intervals[int(arg>>2)%len(intervals)]))
	case 7:
		if arg&4 == 0 {
			return member, Received{from, nil}
		}
		cfg := e.cfg
		cfg.Interval = time.Duration(arg>>5) * time.Second // 0 is not valid
		cfg.Preempt, cfg.PreemptDelay = arg&8 != 0, 0
		if !e.owner() {
			cfg.Priority = arg
		}
		return member, Reconfigure{cfg}
	case 8:
		return member, SetPriority{arg}
	case 9:
		return member, SetPrimary{from}
	case 10:
		return member, Fault{"link down"}
	case 11:
		return member, Clear{}
	case 12:
		return member, Settled{Term: term, Held: false, Err: err}
	case 13:
		return member, Settled{Term: term, Held: true, Err: err}
	case 14:
		return member, Join{}
	default:
		return member, Leave{"somebody said so"}
	}
}

func (c *checker) step(member int, ev Event) {
	c.Helper()
	settled, _ := ev.(Settled)
	sent := make([]bool, len(c.members))
	for _, a := range c.g.Step(c.now, member, ev) {
		m := &c.members[a.Member]
		switch act := a.Action.(type) {
		case Change:
			if act.From != m.state || act.To == m.state || act.Reason == "" {
				c.Fatalf("%+v in %v", act, m.state)
			}
			m.state = act.To
		case Own:
			if m.owned != m.gone || act.Term != m.owned+1 {
				c.Fatalf("%+v after own %d, disown %d", act, m.owned, m.gone)
			}
			m.owned = act.Term
		case Disown:
			if m.owned == m.gone || act.Term != m.owned || m.state == Active {
				c.Fatalf("%+v after own %d, disown %d in %v", act, m.owned, m.gone, m.state)
			}
			m.gone = act.Term
		case Send:
			if act.Priority == 0 && (m.state == Active || settled.Held || settled.Err != nil || settled.Term != m.gone) {
				c.Fatalf("priority 0 in %v at %#v", m.state, ev)
			}
			sent[a.Member] = sent[a.Member] || act.Priority != 0
		}
	}
	for i := range c.members {
		c.member(i, sent[i])
	}
	// A Tick that comes twice is harmless.
	if _, ok := ev.(Tick); ok {
		if again := c.g.Step(c.now, member, ev); len(again) != 0 {
			c.Fatalf("a second Tick did %v", again)
		}
	}
}

// member checks one after a Step.
func (c *checker) member(i int, sent bool) {
	c.Helper()
	e, m := c.g.Member(i), c.members[i]
	due, armed := e.Deadline()
	var err error
	switch {
	case e.State() != m.state:
		err = fmt.Errorf("in %v, said %v", e.State(), m.state)
	case (m.state == Active) != (m.owned != m.gone):
		err = fmt.Errorf("%v with own %d, disown %d", m.state, m.owned, m.gone)
	case (m.state == Active) != (c.members[0].state == Active):
		err = errors.New("not what member 0 is")
	case sent && m.state != Active:
		err = fmt.Errorf("sent in %v", m.state)
	case e.Status().Term != m.owned:
		err = fmt.Errorf("term %d, said %d", e.Status().Term, m.owned)
	case e.Busy() && m.state == Active:
		err = errors.New("busy in Active")
	case m.state != Initialize && !armed:
		err = errors.New("no timer runs")
	case m.state == Initialize && armed != (e.unholdable != ""):
		err = errors.New("a timer runs in Initialize")
	case armed && due.Sub(c.now) > 4*41*time.Second:
		err = fmt.Errorf("a timer of %v", due.Sub(c.now))
	}
	if err != nil {
		c.Fatalf("member %d: %v", i, err)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// room is three nodes that are driven by hand: nothing happens but what a test
// makes happen, on one clock.
type room struct {
	now      time.Time
	loops    map[string]*loop
	events   []string // of a: what the fence was told, and what was sent
	verdicts []vip.Verdict
	sent     int           // packets
	own      time.Duration // what a's turns took
}

// recorder is a's fence.
type recorder struct{ r *room }

func (f recorder) Set(addrs []netip.Addr, until time.Time) error {
	f.r.events = append(f.r.events, fmt.Sprintf("open %d for %v", len(addrs), until.Sub(f.r.now)))
	return nil
}

func (f recorder) Shut(addrs []netip.Addr) error {
	f.r.events = append(f.r.events, fmt.Sprintf("shut %d", len(addrs)))
	return nil
}

// newRoom is a room in which a may claim at once.
func newRoom(t testing.TB, resources ...Resource) *room {
	t.Helper()
	r := &room{now: time.Unix(1000, 0), loops: map[string]*loop{}}
	for i, name := range abc {
		cfg := Config{
			Node: name, Start: uint64(1 + i), Voters: quorum.List{Voters: abc, MaxLease: time.Second}, Resources: resources, Candidate: true,
			Now: func() time.Time { return r.now },
			Send: func(to string, p []byte) error {
				r.sent++
				r.loops[to].guard.Received(name, p)
				return nil
			},
		}
		if name == "a" {
			cfg.Fence = recorder{r}
		}
		g, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		l := newLoop(g, g.cfg.Log)
		r.loops[name] = l
		l.rolled(r.now)
	}
	r.a().guard.tell.watch(func(v vip.Verdict) {
		r.verdicts = append(r.verdicts, v)
		r.events = append(r.events, fmt.Sprintf("verdict %d", v.Kind))
	})
	for range 5 {
		for _, l := range r.loops {
			for _, o := range r.loops {
				o.guard.Heard(l.cfg.Node, l.guard.Report())
			}
		}
		r.turns()
	}
	r.now = r.now.Add(time.Second)
	return r
}

func (r *room) a() *loop { return r.loops["a"] }

// turns lets all nodes talk until they have no more to say.
func (r *room) turns() {
	for again := true; again; {
		again = false
		for _, name := range abc {
			l := r.loops[name]
			if len(l.guard.queue.wake) > 0 {
				<-l.guard.queue.wake
				again = true
			}
			began := time.Now()
			l.turn()
			if l == r.a() {
				r.own += time.Since(began)
			}
		}
	}
}

// wants fails unless this has happened since the last call.
func (r *room) wants(t *testing.T, events ...string) {
	t.Helper()
	if !slices.Equal(r.events, events) {
		t.Errorf("%q, not %q", r.events, events)
	}
	r.events = nil
}

func TestTurnOrder(t *testing.T) {
	r := newRoom(t, web())
	g := r.a().guard
	g.Claim("router web", "")
	r.turns()
	r.wants(t, "open 2 for 270ms", "verdict 1")
	r.now = r.now.Add(100 * ms)
	g.Renew([]string{"router web", "router x"})
	r.turns()
	r.wants(t, "open 2 for 270ms")
	r.now = r.now.Add(100 * ms)
	g.Renew([]string{"router web"})
	r.a().turn()
	for _, name := range []string{"b", "c"} {
		r.loops[name].turn()
	}
	g.Shut("router web")
	r.turns() // with the answers to the renewal
	r.wants(t, "shut 2")
	sent := r.sent
	g.GiveUp("router web")
	r.turns()
	if r.wants(t); r.sent != sent+2 {
		t.Errorf("%d packets released it", r.sent-sent)
	}
}

// A GiveUp without Shut closes the fence before it releases.
func TestGiveUpShuts(t *testing.T) {
	r := newRoom(t, web())
	g := r.a().guard
	g.Claim("router web", "")
	r.turns()
	r.events = nil
	g.GiveUp("router web")
	r.turns()
	r.wants(t, "shut 2")
	if got := len(r.loops["b"].voter.Grants(r.now)); got != 0 {
		t.Errorf("%d leases run", got)
	}
}

// A process that was stopped while it held without a majority closes the fence
// first, whatever waits in its queue.
func TestHoldFrozen(t *testing.T) {
	web := web()
	web.Hold = true
	r := newRoom(t, web)
	l := r.a()
	l.guard.Claim("router web", "")
	r.turns()
	for range 4 { // nobody answers
		r.now = r.now.Add(80 * ms)
		l.guard.Renew([]string{"router web"})
		l.turn()
	}
	if last := r.verdicts[len(r.verdicts)-1]; last.Kind != vip.Unconfirmed {
		t.Fatalf("%+v", r.verdicts)
	}
	r.events = nil
	r.now = r.now.Add(301 * ms)
	l.guard.Renew([]string{"router web"})
	l.turn()
	r.wants(t, "verdict 3")
}

// Renewals of one turn: one call of the fence per end, few packets.
func TestRenewTogether(t *testing.T) {
	var all []Resource
	var names []string
	for i := range 100 {
		r := Resource{
			Name: fmt.Sprintf("router %03d", i), Longest: 100 * ms, Shortest: 100 * ms,
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})},
		}
		if i%2 == 1 {
			r.Longest, r.Shortest = 200*ms, 200*ms
		}
		all, names = append(all, r), append(names, r.Name)
	}
	r := newRoom(t, all...)
	for _, name := range names {
		r.a().guard.Claim(name, "")
	}
	r.turns()
	r.events, r.sent = nil, 0
	r.now = r.now.Add(100 * ms)
	r.a().guard.Renew(names)
	r.turns()
	r.wants(t, "open 50 for 270ms", "open 50 for 540ms")
	if r.sent > 20 {
		t.Errorf("%d packets", r.sent)
	}
}

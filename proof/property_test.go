// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run this seed alone")
	seedsFlag = flag.Uint64("seeds", 60, "how many seeds to run")
)

// TestEngines has real engines play what was foretold of random configurations:
// each failure, some pairs of them, and the repair.
func TestEngines(t *testing.T) {
	first, last := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	played := 0
	for seed := first; seed <= last; seed++ {
		w := newWorld(seed)
		n, err := w.play()
		if err != nil {
			t.Errorf("-seed=%d: %v", seed, err)
		}
		played += n
	}
	if played < int(last-first) {
		t.Errorf("only %d outcomes played", played)
	}
	t.Logf("%d outcomes played", played)
}

// world is what a seed chooses.
type world struct {
	rng    *rand.Rand
	cfg    *config.Config
	tracks []track.Track // those of all routers
	exact  bool
}

// newWorld makes 2 to 5 nodes and one router, or two in a sync group, of one
// family or both.
func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0))}
	w.exact = w.rng.IntN(2) == 0
	priorities := make([]uint8, 2+w.rng.IntN(4))
	near := 1 + w.rng.IntN(120)
	for i := range priorities {
		priorities[i] = uint8(100 + w.rng.IntN(near))
	}
	if w.rng.IntN(10) == 0 {
		priorities[0] = track.OwnerPriority
	}
	w.cfg = cluster(priorities...)
	// In IPv6 the addresses are in the opposite order.
	for i := range w.cfg.Nodes {
		six := netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", 90-i))
		w.cfg.Nodes[i].Addresses = append(w.cfg.Nodes[i].Addresses, six)
	}
	if w.rng.IntN(3) == 0 {
		addRouter(w.cfg, "mail", priorities...)
		w.cfg.SyncGroups = []config.SyncGroup{{Name: "all", Routers: []string{"web", "mail"}}}
	}
	preempt, both := w.rng.IntN(3) > 0, w.rng.IntN(3) == 0
	for i := range w.cfg.Routers {
		r := &w.cfg.Routers[i]
		r.Preempt, r.Interval = preempt, interval
		if both {
			six := netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%d", i+1))
			r.Addresses = append(r.Addresses, netip.PrefixFrom(six, 64))
		}
	}
	for i := range 1 + w.rng.IntN(4) {
		w.check(fmt.Sprintf("c%d", i))
	}
	return w
}

// check adds a check somewhere.
func (w *world) check(name string) {
	kinds := []checks.Kind{
		local(name),
		checks.TCP{Address: "127.0.0.1:80"},
		checks.ICMP{Host: "198.51.100.1"},
		checks.TCP{Address: "198.51.100.1:25"},
		checks.ICMP{Host: "192.0.2.11"},
	}
	weights := []int{0, 10, 50, 253, -10, -50, -253, w.rng.IntN(253) + 1, -w.rng.IntN(253) - 1}
	k := track.Track{Check: name, Weight: weights[w.rng.IntN(len(weights))], Reverse: w.rng.IntN(6) == 0}
	k.Yield = k.Weight == 0 && w.rng.IntN(2) == 0
	w.cfg.Checks = append(w.cfg.Checks, config.Check{Check: checks.Check{Name: name, Kind: kinds[w.rng.IntN(len(kinds))]}})
	w.tracks = append(w.tracks, k)
	r := &w.cfg.Routers[w.rng.IntN(len(w.cfg.Routers))]
	if len(w.cfg.SyncGroups) > 0 && w.rng.IntN(3) == 0 {
		w.cfg.SyncGroups[0].Tracks = append(w.cfg.SyncGroups[0].Tracks, k)
		return
	}
	r.Tracks = append(r.Tracks, k)
}

// play compares all outcomes with what becomes of engines, and tells how many.
func (w *world) play() (int, error) {
	report := Prove(w.cfg, Options{Pairs: true})
	if len(report.Elections) != 1 {
		return 0, fmt.Errorf("%d elections, want 1", len(report.Elections))
	}
	played := 0
	e := electionOf(w.cfg)
	if got := e.from(e.holder); !reflect.DeepEqual(got.Outcomes, report.Elections[0].Outcomes) {
		return 0, fmt.Errorf("the report has not the holder's outcomes: %v", rows(report.Elections[0].Outcomes))
	}
	for _, start := range e.starts {
		n, err := w.playFrom(e.from(start))
		if played += n; err != nil {
			return played, fmt.Errorf("%s holds: %w", e.name(start), err)
		}
	}
	return played, nil
}

// playFrom does so with one that may hold when all is well.
func (w *world) playFrom(e Election) (int, error) {
	tied := make(map[string]bool)
	played := 0
	for _, o := range slices.Concat(e.Outcomes, e.Pairs) {
		first := o.Failures[0].What
		if len(o.Failures) == 1 {
			tied[first] = len(o.Tied) > 0
		} else if tied[first] && !w.exact || w.rng.IntN(8) > 0 {
			continue // the second failure may find another holder; pairs are many
		}
		if err := w.playOne(e, o); err != nil {
			return played, fmt.Errorf("%s: %w", row(o), err)
		}
		played++
	}
	return played, nil
}

func (w *world) playOne(e Election, o Outcome) error {
	l := &lan{rng: w.rng, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), exact: w.exact}
	for i := range w.cfg.Nodes {
		l.hosts = append(l.hosts, w.host(i))
	}
	if err := w.begin(l, e.Well); err != nil {
		return err
	}
	for i := range o.Failures {
		if err := w.apply(l, o.Failures[:i+1]); err != nil {
			return err
		}
		l.run(3 * time.Second)
	}
	if err := w.compareStandings(o); err != nil {
		return err
	}
	if err := w.compare(l, "after it", o.Holder, o.Tied); err != nil {
		return err
	}
	foretold := len(l.active()) == 0 || w.cfg.Nodes[l.active()[0]].Name == o.Holder
	if err := w.apply(l, nil); err != nil {
		return err
	}
	l.run(3 * time.Second)
	if !foretold {
		return nil // of two that were equal the other holds; what follows differs
	}
	// A node that was dead begins later than its equal, in exact times too.
	repaired, equals := *w, []string(nil)
	if len(e.Well.Tied) > 0 {
		repaired.exact, equals = false, append(slices.Clone(e.Well.Tied), e.Well.Holder)
	}
	return repaired.compare(l, "after the repair", o.Repaired, equals)
}

// host has an engine for each router and family.
func (w *world) host(node int) *host {
	h := &host{}
	for _, r := range w.cfg.Routers {
		for _, p := range r.Addresses {
			n := w.cfg.Nodes[node]
			h.configs = append(h.configs, vrrp.Config{
				Version: wire.V3, VRID: r.VRID, Priority: r.Priority[n.Name], Interval: r.Interval, Preempt: r.Preempt,
				Addresses: []netip.Addr{p.Addr()},
			})
			i := slices.IndexFunc(n.Addresses, func(a netip.Addr) bool { return a.Is4() == p.Addr().Is4() })
			h.primaries = append(h.primaries, n.Addresses[i])
		}
	}
	return h
}

// begin starts the foretold holder first: of equals it is the one that stays.
func (w *world) begin(l *lan, well Outcome) error {
	for _, holder := range []bool{true, false} {
		for i, n := range w.cfg.Nodes {
			if (n.Name == well.Holder) != holder {
				continue
			}
			priority, out, _ := w.effective(i, nil)
			if err := l.start(l.hosts[i], priority, out); err != nil {
				return err
			}
		}
		l.run(2 * time.Second)
	}
	return w.compare(l, "when all is well", well.Holder, nil)
}

// apply makes these the failures, at the same time on all nodes.
func (w *world) apply(l *lan, failures []Failure) error {
	var yielding []*host
	var best uint8
	for i, n := range w.cfg.Nodes {
		h := l.hosts[i]
		dead := slices.ContainsFunc(failures, func(f Failure) bool { return f.Dead == n.Name })
		priority, out, yields := w.effective(i, failures)
		if !dead && !out {
			best = max(best, priority)
		}
		if yields {
			yielding = append(yielding, h)
		}
		switch {
		case dead:
			h.group = nil
		case h.group == nil:
			if err := l.start(h, priority, out); err != nil {
				return err
			}
		default:
			l.set(h, priority, out)
		}
	}
	for _, h := range yielding { // as the agent does, if another is better
		if best > track.MinPriority {
			l.step(h, 0, vrrp.Leave{Reason: "yields"})
		}
	}
	return nil
}

// effective is what the checks make of the node's priority, counted by the
// tracks of all routers together.
func (w *world) effective(node int, failures []Failure) (priority uint8, out, yields bool) {
	n := w.cfg.Nodes[node]
	sum := track.Add(w.cfg.Routers[0].Priority[n.Name], w.tracks, func(tracked track.Track) track.State {
		name := tracked.Check
		well, bad := track.Passing, track.Failing
		if tracked.Reverse {
			well, bad = bad, well
		}
		for _, f := range failures {
			if slices.ContainsFunc(f.Turned, func(t Turned) bool { return t.Node == n.Name && t.Check == name }) {
				return bad
			}
		}
		return well
	})
	return sum.Priority, len(sum.Blocked) > 0, len(sum.Yielding) > 0
}

func (w *world) compareStandings(o Outcome) error {
	for i, s := range o.Standings {
		priority, out, _ := w.effective(i, o.Failures)
		if s.Priority != int(priority) || len(s.Blocked) > 0 != out {
			return fmt.Errorf("%s: priority %d and out %v, foretold %d and %v", s.Node, priority, out, s.Priority, s.Blocked)
		}
	}
	return nil
}

// compare is whether the one who was foretold holds, or one of its equals if
// the times differ.
func (w *world) compare(l *lan, when, holder string, tied []string) error {
	var names []string
	for _, i := range l.active() {
		names = append(names, w.cfg.Nodes[i].Name)
	}
	var want []string
	if holder != "" {
		want = []string{holder}
	}
	switch {
	case slices.Equal(names, want):
		return nil
	case !w.exact && len(names) == 1 && slices.Contains(tied, names[0]):
		return nil
	}
	return fmt.Errorf("%s: %v are Active, foretold %v or %v", when, names, want, tied)
}

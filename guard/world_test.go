// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

const ms = time.Millisecond

var (
	vip1 = netip.MustParseAddr("192.0.2.100")
	vip2 = netip.MustParseAddr("192.0.2.101")
)

// web is a router with adverts each 100 ms: leases of 300 ms.
func web() Resource {
	return Resource{Name: "router web", Addresses: []netip.Addr{vip1, vip2}, Longest: 100 * ms, Shortest: 100 * ms}
}

// world is some nodes, a link that loses, and fences that must not be open twice.
// It lives in a bubble.
type world struct {
	t      *testing.T
	mu     sync.Mutex
	rng    *rand.Rand
	nodes  map[string]*node
	cut    map[[2]string]bool
	lost   float64
	delay  time.Duration // at most
	twice  int           // fences that were open twice
	allow  bool          // that (on_loss: hold)
	quiet  bool          // no log
	opened int           // how often a fence was opened that was closed
	wait   sync.WaitGroup
}

func newWorld(t *testing.T, names ...string) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(1, 2)), nodes: map[string]*node{}, cut: map[[2]string]bool{}, delay: ms}
	for _, name := range names {
		w.nodes[name] = &node{w: w, name: name, cfg: Config{
			Node: name, Voters: quorum.List{Voters: names, MaxLease: time.Second}, Candidate: true, Resources: []Resource{web()},
		}, fence: map[netip.Addr]time.Time{}, rate: 1}
	}
	t.Cleanup(func() {
		if w.twice > 0 && !w.allow {
			t.Errorf("a fence was open on two nodes %d times", w.twice)
		}
	})
	return w
}

// pass lets time pass in the bubble.
func (w *world) pass(d time.Duration) { time.Sleep(d) }

// start starts all nodes and waits for their voters to speak.
func (w *world) start() {
	for _, n := range w.nodes {
		n.start()
	}
	w.pass(1100 * ms)
}

func (w *world) stop() {
	for _, n := range w.nodes {
		n.stop()
	}
	w.wait.Wait()
	w.pass(time.Second) // packets that are under way
}

func (w *world) isolate(name string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for other := range w.nodes {
		w.cut[[2]string{name, other}], w.cut[[2]string{other, name}] = cut, cut
	}
}

// weather is how many packets are lost, and how late they may be.
func (w *world) weather(lost float64, delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost, w.delay = lost, delay
}

func (w *world) random() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return 1 + w.rng.Uint64()>>1
}

func (w *world) apart(a, b string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[[2]string{a, b}]
}

func (w *world) send(from, to string, packet []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut[[2]string{from, to}] || w.rng.Float64() < w.lost {
		return nil
	}
	n := w.nodes[to]
	if n == nil {
		return errors.New("no such node")
	}
	packet = slices.Clone(packet)
	time.AfterFunc(time.Duration(1+w.rng.Int64N(int64(w.delay))), func() {
		if g := n.running(); g != nil {
			g.Received(from, packet)
		}
	})
	return nil
}

// node is a machine with an agent that does little.
type node struct {
	w     *world
	name  string
	cfg   Config
	fence map[netip.Addr]time.Time // real times
	rate  float64                  // of the clock
	deny  error                    // what the fence says
	built func()                   // called between New and Run

	mu       sync.Mutex
	guard    *Guard
	cancel   context.CancelFunc
	verdicts []vip.Verdict
	held     map[string]bool
	hung     bool
	obey     bool // revoked: gives up
	sets     int
}

// now is the node's clock.
func (n *node) now() time.Time {
	origin := time.Unix(946684800, 0)
	return origin.Add(time.Duration(float64(time.Since(origin)) * n.rate))
}

func (n *node) running() *Guard {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.guard
}

func (n *node) Set(addrs []netip.Addr, until time.Time) error {
	w := n.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if n.deny != nil {
		return n.deny
	}
	n.sets++
	left := time.Duration(float64(until.Sub(n.now())) / n.rate)
	for _, a := range addrs {
		if !time.Now().Before(n.fence[a]) {
			w.opened++
		}
		n.fence[a] = time.Now().Add(left)
		for _, o := range w.nodes {
			if left > 0 && o != n && time.Now().Before(o.fence[a]) {
				w.twice++
				if !w.allow {
					w.t.Logf("%v: open on %s and %s", time.Now().Format("05.000"), n.name, o.name)
				}
			}
		}
	}
	return nil
}

func (n *node) Shut(addrs []netip.Addr) error {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	for _, a := range addrs {
		n.fence[a] = time.Time{}
	}
	return nil
}

func (n *node) open() bool {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	return time.Now().Before(n.fence[vip1])
}

// start is a new life: another number, no memory but the disk's.
func (n *node) start() {
	n.w.t.Helper()
	cfg := n.cfg
	cfg.Start = n.w.random()
	cfg.Now, cfg.Fence = n.now, n
	cfg.Send = func(to string, p []byte) error { return n.w.send(n.name, to, p) }
	cfg.Log = slog.New(slog.NewTextHandler(n.w.t.Output(), nil)).With(slog.String("node", n.name))
	if n.w.quiet {
		cfg.Log = nil
	}
	cfg.Changed = func() { n.gossip() }
	g, err := New(cfg)
	if err != nil {
		n.w.t.Fatal(err)
	}
	if n.built != nil {
		n.built()
	}
	ctx, cancel := context.WithCancel(n.w.t.Context())
	n.mu.Lock()
	n.guard, n.cancel, n.held, n.verdicts, n.hung, n.obey = g, cancel, map[string]bool{}, nil, false, true
	n.mu.Unlock()
	n.w.wait.Go(func() {
		if err := g.Run(ctx); err != nil {
			n.w.t.Error(err)
		}
	})
	n.w.wait.Go(func() { _ = g.Watch(ctx, n.told) })
	n.w.wait.Go(func() { n.beat(ctx, g) })
	n.gossip()
}

// gossip tells the others the report, and hears theirs, as the link would.
func (n *node) gossip() {
	time.AfterFunc(10*ms, func() {
		for _, o := range n.w.nodes {
			a, b := n.running(), o.running()
			if a == nil || b == nil || o == n || n.w.apart(n.name, o.name) {
				continue
			}
			b.Heard(n.name, a.Report())
			a.Heard(o.name, b.Report())
		}
	})
}

// stop ends the node's process without a word.
func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.guard != nil {
		n.cancel()
		n.guard = nil
	}
}

// beat renews what is held, each 100 ms of the node's clock.
func (n *node) beat(ctx context.Context, g *Guard) {
	tick := time.NewTicker(time.Duration(float64(100*ms) / n.rate))
	defer tick.Stop()
	for i := 1; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if i%10 == 0 {
			n.gossip()
		}
		n.mu.Lock()
		var names []string
		for name, held := range n.held {
			if held && !n.hung {
				names = append(names, name)
			}
		}
		n.mu.Unlock()
		if len(names) > 0 {
			g.Renew(names)
		}
	}
}

// told is an agent that obeys.
func (n *node) told(v vip.Verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.verdicts = append(n.verdicts, v)
	switch v.Kind {
	case vip.Granted, vip.Unconfirmed:
		n.held[v.Resource] = true
	case vip.Revoked:
		n.held[v.Resource] = false
		if g := n.guard; g != nil && n.obey {
			time.AfterFunc(0, func() { g.Shut(v.Resource); g.GiveUp(v.Resource) })
		}
	case vip.Refused:
	}
}

// refuse is what the fence says from now on.
func (n *node) refuse(err error) {
	n.w.mu.Lock()
	defer n.w.mu.Unlock()
	n.deny = err
}

// hang keeps n from renewing, and from obeying.
func (n *node) hang() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hung, n.obey = true, false
}

// recover has n work again: it gives up what it ought to have given up.
func (n *node) recover() {
	n.mu.Lock()
	n.hung, n.obey = false, true
	held := n.held["router web"]
	n.mu.Unlock()
	if !held {
		n.guard.Shut("router web")
		n.guard.GiveUp("router web")
	}
}

func (n *node) giveUp(resource string) {
	n.mu.Lock()
	n.held[resource] = false
	n.mu.Unlock()
	n.guard.Shut(resource)
	n.guard.GiveUp(resource)
}

// last is the last verdict.
func (n *node) last() vip.Verdict {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.verdicts) == 0 {
		return vip.Verdict{}
	}
	return n.verdicts[len(n.verdicts)-1]
}

// wants fails unless the last verdict is of the kind and has the reason.
func (n *node) wants(kind vip.VerdictKind, reason string) vip.Verdict {
	n.w.t.Helper()
	v := n.last()
	if v.Kind != kind || v.Reason != reason {
		n.w.t.Errorf("%s was told %s, not %d (%s)", n.name, describe(v), kind, reason)
	}
	return v
}

func describe(v vip.Verdict) string {
	return fmt.Sprintf("kind %d term %d reason %q holder %q", v.Kind, v.Term, v.Reason, v.Holder)
}

// bubble runs f in a bubble and ends what it began.
func bubble(t *testing.T, names []string, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, names...)
		defer w.stop()
		f(t, w)
	})
}

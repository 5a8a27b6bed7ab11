// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

var _ agent.Guard = (*guard.Guard)(nil)

// maxLease is how long a voter that has just started is silent.
const maxLease = time.Second

// hop is how long a message of the peer link takes.
const hop = 200 * time.Microsecond

// bound is a world whose nodes have a peer link and guards, the real ones.
type bound struct {
	*world
	mu     sync.Mutex
	linked map[string]*linked
	apart  map[[2]string]bool // who can't talk to whom
	hold   bool               // on_loss: hold
	onWay  sync.WaitGroup
}

// linked is a node's end of the peer link.
type linked struct {
	b     *bound
	node  *node
	guard *guard.Guard
	cut   bool
	state *vip.NodeState
	stale *vip.NodeState // told instead
	told  func(vip.PeerEvent)
	stop  context.CancelFunc
	done  chan struct{}

	fence map[netip.Addr]time.Time
	lent  time.Time // the latest end that the fence was given in this life
	// fenced is told of what becomes of the fence; may be nil.
	fenced func(open bool)
	// reachable is what the hosts around answer.
	reachable bool
	unasked   error  // or why they can't be asked
	dir       string // of the voters' list
}

// newBound makes a world of n nodes, with guards if guarded, and starts them.
func newBound(t *testing.T, seed uint64, n int, router agent.Router, guarded bool) *bound {
	t.Helper()
	b := newResting(t, seed, n, router, guarded)
	for _, n := range b.nodes {
		b.linked[n.name].start(t, guarded)
	}
	return b
}

// newResting is newBound before the start.
func newResting(t *testing.T, seed uint64, n int, router agent.Router, guarded bool) *bound {
	t.Helper()
	router.Guarded = guarded
	b := &bound{world: newWorld(t, seed, n, router), linked: make(map[string]*linked), apart: make(map[[2]string]bool)}
	for _, n := range b.nodes {
		l := &linked{b: b, node: n, fence: make(map[netip.Addr]time.Time), reachable: true, dir: t.TempDir()}
		b.linked[n.name] = l
		n.cfg.Peers, n.cfg.Prober = l, l
		n.cfg.Names = make(map[netip.Addr]string)
		for _, o := range b.nodes {
			n.cfg.Names[o.addr] = o.name
		}
	}
	return b
}

// start begins a life of the node.
func (l *linked) start(t *testing.T, guarded bool) {
	t.Helper()
	if guarded {
		l.vote(t, true)
	}
	l.node.start(t)
}

// vote starts the node's guard. One of a node that is no candidate is a witness.
func (l *linked) vote(t *testing.T, candidate bool) {
	t.Helper()
	var names []string
	for _, n := range l.b.nodes {
		names = append(names, n.name)
	}
	r := l.node.cfg.Routers[0]
	var addresses []netip.Addr
	for _, p := range r.Addresses {
		addresses = append(addresses, p.Addr())
	}
	cfg := guard.Config{
		Node: l.node.name, Start: uint64(time.Now().UnixNano()), Voters: quorum.List{Voters: names, MaxLease: maxLease},
		Resources: []guard.Resource{{Name: "router web", Addresses: addresses, Longest: r.Interval, Shortest: r.Interval, Hold: l.b.hold}},
		Candidate: candidate, StateDir: l.dir, Fence: l, Send: l.sendPacket, Changed: l.report, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	g, err := guard.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.b.mu.Lock()
	l.guard, l.stop, l.done, l.lent = g, cancel, make(chan struct{}), time.Time{}
	done := l.done
	l.b.mu.Unlock()
	l.node.cfg.Guard = g
	go func() {
		defer close(done)
		if err := g.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	l.report()
}

// end ends a life of the node in order.
func (l *linked) end(t *testing.T) {
	t.Helper()
	l.node.stop(t)
	l.b.mu.Lock()
	stop, done := l.stop, l.done
	l.state, l.guard, l.told, l.stop = nil, nil, nil, nil
	l.b.mu.Unlock()
	if stop != nil {
		stop()
		<-done
	}
	l.b.tellStates()
}

func (b *bound) end() {
	for _, n := range b.nodes {
		b.linked[n.name].end(b.t)
	}
	b.onWay.Wait()
}

// later calls f as the other end of a message would be, in the bubble's time,
// unless the link is cut or that node is gone by then.
func (b *bound) later(from, to *linked, f func(to *linked)) {
	b.onWay.Go(func() {
		time.Sleep(hop)
		b.mu.Lock()
		gone := from.cut || to.cut || b.apart[[2]string{from.node.name, to.node.name}]
		b.mu.Unlock()
		if !gone {
			f(to)
		}
	})
}

func (l *linked) others() []*linked {
	var all []*linked
	for _, n := range l.b.nodes {
		if o := l.b.linked[n.name]; o != l && o != nil {
			all = append(all, o)
		}
	}
	return all
}

func (l *linked) sendPacket(to string, packet []byte) error {
	packet = slices.Clone(packet)
	l.b.later(l, l.b.linked[to], func(o *linked) {
		if g := o.current(); g != nil {
			g.Received(l.node.name, packet)
		}
	})
	return nil
}

func (l *linked) current() *guard.Guard {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.guard
}

// report exchanges what is known of the voters' lists.
func (l *linked) report() {
	g := l.current()
	if g == nil {
		return
	}
	mine := g.Report()
	for _, o := range l.others() {
		l.b.later(l, o, func(o *linked) {
			theirs := o.current()
			if theirs == nil {
				return
			}
			theirs.Heard(l.node.name, mine)
			answer := theirs.Report()
			l.b.later(o, l, func(*linked) { g.Heard(o.node.name, answer) })
		})
	}
}

// Watch, Send and Announce make it an agent.Peers.

func (l *linked) Watch(ctx context.Context, told func(vip.PeerEvent)) error {
	l.b.mu.Lock()
	l.told = told
	l.b.mu.Unlock()
	l.b.tellStates()
	<-ctx.Done()
	return nil
}

func (l *linked) Send(to string, m vip.PeerMessage) error {
	m.From = l.node.name
	l.b.later(l, l.b.linked[to], func(o *linked) { o.hear(vip.PeerEvent{Message: &m}) })
	return nil
}

func (l *linked) hear(ev vip.PeerEvent) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	if l.told != nil {
		l.told(ev)
	}
}

func (l *linked) Announce(s vip.NodeState) {
	l.b.mu.Lock()
	l.state = &s
	l.b.mu.Unlock()
	l.b.tellStates()
}

// tellStates tells each node how the others stand.
func (b *bound) tellStates() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.linked {
		if l.cut || l.told == nil {
			continue
		}
		states := []vip.NodeState{}
		for _, o := range l.others() {
			if s := cmp.Or(o.stale, o.state); s != nil && !o.cut {
				states = append(states, *s)
			}
		}
		l.told(vip.PeerEvent{States: states})
	}
}

// cutLink cuts a node off the peer link, or joins it again.
func (b *bound) cutLink(name string, on bool) {
	b.mu.Lock()
	b.linked[name].cut = on
	b.mu.Unlock()
	b.tellStates()
}

// keepSaying has a node's present state told from now on, or again what it is.
func (b *bound) keepSaying(name string, on bool) {
	b.mu.Lock()
	l := b.linked[name]
	if l.stale = nil; on {
		l.stale = l.state
	}
	b.mu.Unlock()
	b.tellStates()
}

// Set and Shut make it a guard.Fence.

func (l *linked) Set(addrs []netip.Addr, until time.Time) error {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	for _, a := range addrs {
		l.fence[a] = until
	}
	if l.fenced != nil {
		l.fenced(!until.IsZero())
	}
	if until.After(l.lent) {
		l.lent = until
	}
	return nil
}

func (l *linked) Shut(addrs []netip.Addr) error { return l.Set(addrs, time.Time{}) }

// Reachable makes it an agent.Prober.
func (l *linked) Reachable(context.Context, string, []netip.Addr) (bool, error) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	return l.reachable, l.unasked
}

// answering are the nodes that have the address and whose fence is open.
func (b *bound) answering(p netip.Prefix) []string {
	var names []string
	for _, name := range b.holders(p) {
		l := b.linked[name]
		b.mu.Lock()
		if l.guard == nil || time.Now().Before(l.fence[p.Addr()]) {
			names = append(names, name)
		}
		b.mu.Unlock()
	}
	return names
}

// watch looks each half a millisecond of the bubble until ctx ends that at most one node
// answers, and returns for how long nobody did.
func (b *bound) watch(ctx context.Context, p netip.Prefix) (silent time.Duration) {
	const step = 500 * time.Microsecond
	for ctx.Err() == nil {
		switch names := b.answering(p); len(names) {
		case 0:
			silent += step
		case 1:
		default:
			b.t.Errorf("%v answer at once", names)
		}
		time.Sleep(step)
	}
	return silent
}

// during runs f in the bubble and returns for how long nobody answered meanwhile
// and for a second after.
func (b *bound) during(p netip.Prefix, f func()) time.Duration {
	ctx, cancel := context.WithCancel(context.Background())
	silent := make(chan time.Duration)
	go func() { silent <- b.watch(ctx, p) }()
	f()
	time.Sleep(time.Second)
	cancel()
	return <-silent
}

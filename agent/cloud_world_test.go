// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	_ agent.Remote   = (*cloud.Mover)(nil)
	_ cloud.Provider = (*client)(nil)
)

// clouded is a world whose router moves in a cloud and in the kernels.
type clouded struct {
	*bound
	cloud   *cloudtest.Cloud
	clients map[string]*client
	guarded bool
	release bool // objects are given up
	looks   bool // nodes look whether they could take over
	poll    time.Duration
	slowest time.Duration // a look at what is held, after an outage
	mutant  cloudMutant

	books sync.Mutex
	// Of all writes that have left: the newest epoch, who writes in each, who
	// wrote when last.
	newest  uint64
	writers map[uint64]string
	wrote   map[string]time.Time
	wrong   []string
	calmed  time.Time // when the faults ended
	// May be nil.
	log  func(name, event string)
	sent func(name string, batch []wire.Packet)
}

// client is a node's side of the cloud. It is the Provider, and notes what leaves.
type client struct {
	*cloudtest.Node
	w *clouded
	l *linked
	// Of this life:
	mover  *cloud.Mover
	runner *checks.Runner // nil: it does not look

	mu       sync.Mutex
	claims   map[netip.Addr]claimed
	said     map[netip.Addr]claimed // by the guard, in answer to Epoch
	acquired time.Time              // when Acquire last returned nil
	frozen   time.Time              // until when its agent's loop hangs
	chance   *rand.Rand
	freezes  bool // takes over and freezes, now and then
}

// claimed is a term that an address is claimed in, and since when.
type claimed struct {
	term uint64
	at   time.Time
}

// newClouded makes a world of n nodes whose addresses have so many objects each.
// Nothing runs yet.
func newClouded(t *testing.T, seed uint64, n, tables int, r agent.Router, guarded bool) *clouded {
	t.Helper()
	w := &clouded{
		bound: newResting(t, seed, n, r, guarded), cloud: cloudtest.NewCloud(seed, tables), clients: make(map[string]*client),
		guarded: guarded, poll: 30 * time.Second, writers: make(map[uint64]string), wrote: make(map[string]time.Time),
	}
	for _, n := range w.nodes {
		w.clients[n.name] = &client{
			Node: w.cloud.Node(n.name), w: w, l: w.linked[n.name],
			claims: make(map[netip.Addr]claimed), said: make(map[netip.Addr]claimed), chance: rand.New(rand.NewPCG(seed, uint64(n.addr.As4()[3]))),
		}
		w.linked[n.name].fenced = func(open bool) {
			w.note(n.name, map[bool]string{true: "fence opened", false: "fence shut"}[open])
		}
		open := n.cfg.Open
		n.cfg.Open = func(l agent.Link) (agent.Transport, error) {
			at, err := open(l)
			return hanging{at, w.clients[n.name]}, err
		}
	}
	return w
}

// start begins a life of the node, whose Mover knows nothing of the one before.
func (w *clouded) start(name string) {
	w.t.Helper()
	c := w.clients[name]
	cfg := cloud.Config{Provider: c, Poll: w.poll, Release: w.release}
	if w.guarded {
		cfg.Steal, cfg.Epoch = cloud.StealAtOnce, c.mayWrite
	}
	m, err := cloud.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	c.mover = m
	if w.looks {
		c.look()
	}
	n := c.l.node
	n.cfg.Network = watched{n.kernel, c, m}
	n.cfg.Routers = slices.Clone(n.cfg.Routers)
	n.cfg.Routers[0].Movers = []agent.Mover{w.mutant.mover(flight{c, m}), kernelPlane{n.kernel, c}}
	n.cfg.Routers[0].Announcer = kernelPlane{n.kernel, c}
	c.l.start(w.t, w.guarded)
}

func (w *clouded) startAll() {
	w.t.Helper()
	for _, n := range w.nodes {
		w.start(n.name)
	}
}

// blame notes that something is wrong.
func (w *clouded) blame(format string, args ...any) {
	w.books.Lock()
	defer w.books.Unlock()
	if len(w.wrong) < 10 {
		w.wrong = append(w.wrong, time.Now().Format("04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

// sends notes adverts.
func (w *clouded) sends(name string, batch []wire.Packet) {
	w.books.Lock()
	sent := w.sent
	w.books.Unlock()
	if sent != nil {
		sent(name, batch)
	}
}

func (w *clouded) note(name, event string) {
	w.books.Lock()
	log := w.log
	w.books.Unlock()
	if log != nil {
		log(name, event)
	}
}

func (c *client) note(event string) { c.w.note(c.l.node.name, event) }

// kernelPlane is a kernel whose changes are noted.
type kernelPlane struct {
	*kernel
	client *client
}

func (k kernelPlane) Acquire(ctx context.Context, c vip.Claim) error {
	err := k.kernel.Acquire(ctx, c)
	if err == nil {
		k.client.note("kernel has it")
	}
	return err
}

func (k kernelPlane) Release(ctx context.Context, c vip.Claim) error {
	err := k.kernel.Release(ctx, c)
	if err == nil {
		k.client.note("kernel gave it up")
	}
	return err
}

func (k kernelPlane) Announce(ctx context.Context, c vip.Claim) error {
	k.client.note("announced")
	return k.kernel.Announce(ctx, c)
}

// watched is the host's network in which what a cloud took away is lost as well.
type watched struct {
	*kernel
	client *client
	mover  *cloud.Mover
}

type watching struct{}

func (n watched) Watch(ctx context.Context, changed func(vip.Change)) error {
	var part sync.WaitGroup
	defer part.Wait()
	if !n.client.w.mutant.edge {
		part.Go(func() { _ = n.mover.Watch(context.WithValue(ctx, watching{}, true), changed) })
	}
	return n.kernel.Watch(ctx, changed)
}

// hanging is a Transport at which the loop hangs while its node is frozen. What
// works for it goes on.
type hanging struct {
	agent.Transport
	client *client
}

// Send is the Transport's, later in the bubble's time.
func (h hanging) Send(batch []wire.Packet) (int, error) {
	h.client.w.sends(h.client.l.node.name, batch)
	h.client.mu.Lock()
	wait := time.Until(h.client.frozen)
	h.client.mu.Unlock()
	time.Sleep(wait)
	return h.Transport.Send(batch)
}

// flight is the cloud's Mover, and notes what is asked of it.
type flight struct {
	client *client
	*cloud.Mover
}

func (f flight) Acquire(ctx context.Context, c vip.Claim) error {
	f.client.claim(c)
	err := f.Mover.Acquire(ctx, c)
	if err == nil {
		f.client.mu.Lock()
		f.client.acquired = time.Now()
		f.client.mu.Unlock()
		f.client.note("moved in the cloud")
	}
	return err
}

func (f flight) Release(ctx context.Context, c vip.Claim) error {
	f.client.claim(c)
	return f.Mover.Release(ctx, c)
}

func (c *client) claim(of vip.Claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range of.Addresses {
		if c.claims[p.Addr()].term != of.Term {
			c.claims[p.Addr()] = claimed{of.Term, time.Now()}
			if c.freezes && c.chance.IntN(4) == 0 {
				c.frozen = time.Now().Add(time.Duration(c.chance.Int64N(int64(4 * time.Second))))
			}
		}
	}
}

var errNoLease = errors.New("it does not hold the lease")

// mayWrite is the Mover's Epoch: the node has the lease of the claim's term,
// as in the command.
func (c *client) mayWrite(of vip.Claim) error {
	var lease status.Lease
	if g := c.l.current(); g != nil {
		lease = g.Lease("router web")
	}
	if !c.w.mutant.lawless && (!lease.Until.After(time.Now()) || lease.Term != of.Term) {
		return errNoLease
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range of.Addresses {
		c.said[p.Addr()] = claimed{of.Term, time.Now()}
	}
	return nil
}

// Take and Yield are the Node's, with each write noted that leaves.
func (c *client) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	return c.Node.Take(ctx, objects, c.noting(objects, how, "cloud takes"))
}

func (c *client) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	return c.Node.Yield(ctx, objects, c.noting(objects, how, "cloud gives up"))
}

func (c *client) noting(objects []cloud.Object, how cloud.Taking, what string) cloud.Taking {
	ask := how.Allowed
	how.Allowed = func() error {
		if ask == nil {
			c.w.blame("%s writes and asks nobody", c.l.node.name)
		} else if err := ask(); err != nil {
			return err
		}
		c.leaves(objects[0].Address)
		c.note(what)
		return nil
	}
	return how
}

// leaves notes a write, and looks whether it was lawful.
func (c *client) leaves(a netip.Addr) {
	name, now := c.l.node.name, time.Now()
	c.mu.Lock()
	claim, said := c.claims[a], c.said[a]
	c.mu.Unlock()
	c.l.b.mu.Lock()
	lent := c.l.lent
	c.l.b.mu.Unlock()
	w := c.w
	w.books.Lock()
	first, known := w.writers[claim.term]
	newest := w.newest
	w.newest = max(newest, claim.term)
	w.writers[claim.term] = name
	w.wrote[name] = now
	w.books.Unlock()
	switch {
	case !w.guarded:
	case said.term != claim.term || !said.at.Equal(now):
		w.blame("%s writes in term %d without an epoch", name, claim.term)
	case !lent.After(now):
		w.blame("%s begins to write %v after the end of its lease", name, now.Sub(lent))
	case known && first != name:
		w.blame("%s and %s write in term %d", first, name, claim.term)
	case claim.term < newest:
		w.blame("%s begins to write in term %d after somebody did in term %d", name, claim.term, newest)
	}
}

// Observe is the Node's.
func (c *client) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	c.mu.Lock()
	since := time.Since(c.acquired)
	c.mu.Unlock()
	if c.w.mutant.credulous && ctx.Value(watching{}) != nil && since < 10*time.Second {
		var all []cloud.Ownership
		for _, o := range objects {
			all = append(all, cloud.Ownership{Object: o, Mine: true})
		}
		return all, nil
	}
	return c.Node.Observe(ctx, objects)
}

// freeze lets agents freeze when they take over, or ends that.
func (w *clouded) freeze(on bool) {
	for _, c := range w.clients {
		c.mu.Lock()
		c.freezes, c.frozen = on, time.Time{}
		c.mu.Unlock()
	}
}

// trouble changes what goes wrong with all nodes' requests.
func (w *clouded) trouble(change func(t *cloudtest.Trouble)) {
	for _, n := range w.nodes {
		w.clients[n.name].Trouble(change)
	}
}

// owners are the nodes that have objects of the router's addresses in the cloud,
// each once.
func (w *clouded) owners() []string {
	var all []string
	for _, p := range w.nodes[0].cfg.Routers[0].Addresses {
		all = append(all, w.cloud.Holders(p.Addr())...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// actives are the nodes whose router is Active.
func (w *clouded) actives() []string {
	var all []string
	for _, n := range w.nodes {
		if n.agent != nil && w.router(n.name).State == "Active" {
			all = append(all, n.name)
		}
	}
	return all
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/cloud/probe"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/fleet"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/logqueue"
	"github.com/vicar-ha/vicar/transport/gossip"
)

// logRoom is how many records of the peer link wait for a slow log before more
// are lost: leases pass where it is written.
const logRoom = 256

// cluster is what binds a node to the others: the peer link, what travels on it,
// and the guard. guard is nil without one.
type cluster struct {
	node    string
	log     *slog.Logger
	said    *logqueue.Queue // what link and fleet log
	link    *gossip.Link
	fleet   *fleet.Fleet
	guard   *guard.Guard
	probes  *probe.Prober
	members chan struct{} // holds one: they have changed
	now     func() time.Time

	mu        sync.Mutex
	cfg       *config.Config
	keys      [][]byte              // the link's
	known     map[netip.Addr]string // the resources of all addresses that were configured
	resources []config.Resource
	byRouter  map[string]string  // the resources' names, by router, of removed ones too: they give up still
	sealed    map[sealKey]sealed // releases, as long as they are the same
	broken    error              // the link has ended with it
}

// clusterWorld is what a cluster is built with.
type clusterWorld struct {
	stateDir string
	fence    guard.Fence // nil: none
	table    guard.Table // of the voters; nil: none
	now      func() time.Time
	alarms   func() (agent.Alarm, error)
	log      *slog.Logger
}

// newCluster builds what the configuration wants; nil without a peer link.
func newCluster(c *config.Config, node string, w clusterWorld) (_ *cluster, err error) {
	if c.PeerLink == nil {
		return nil, nil
	}
	keys, err := linkKeys(c.PeerLink)
	if err != nil {
		return nil, err
	}
	said := logqueue.New(w.log.Handler(), "the peer link", logRoom)
	log := slog.New(said)
	now := w.now
	if now == nil {
		now = time.Now
	}
	u := &cluster{node: node, now: now, log: w.log, said: said, keys: keys, known: make(map[netip.Addr]string), members: make(chan struct{}, 1)}
	u.learn(c)
	u.probes = probe.New(probe.Config{Port: c.PeerLink.Port, Peers: u.peers, Send: u.sendProbe, Ours: u.ours})
	u.link, err = gossip.New(gossip.Config{
		Node: node, Cluster: c.Cluster, Bind: own(c, node), Port: c.PeerLink.Port, Peers: linkPeers(c, node), Keys: keys, Log: log, Now: now,
		State: func() []byte { return u.fleet.State() }, Changed: u.changed, Received: u.received,
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, u.link.Close())
		}
	}()
	u.fleet, err = fleet.New(fleet.Config{Node: node, Nodes: fleetNodes(c), Link: linkOf{u.link}, Heard: u.heard, Log: log})
	if err != nil || c.Guard.Kind != config.GuardQuorum {
		return u, err
	}
	u.guard, err = guard.New(u.guardConfig(c, w))
	return u, err
}

// received hands a message to whom it is for.
func (u *cluster) received(from string, ch gossip.Channel, payload []byte) {
	switch {
	case ch == gossip.Agent:
		u.fleet.Received(from, payload)
	case ch == gossip.Probe:
		u.probes.Received(from, payload)
	case ch == gossip.Lease && u.guard != nil:
		u.guard.Received(from, payload)
	}
}

// changed has the members looked at.
func (u *cluster) changed() {
	u.fleet.Changed()
	select {
	case u.members <- struct{}{}:
	default:
	}
}

// watchMembers tells the guard who has left, until ctx ends.
func (u *cluster) watchMembers(ctx context.Context) error {
	there := make(map[string]bool)
	for {
		now := make(map[string]bool)
		for _, m := range u.link.Members() {
			now[m.Name] = true
		}
		for name := range there {
			if !now[name] && u.guard != nil {
				u.guard.Gone(name)
			}
		}
		there = now
		select {
		case <-ctx.Done():
			return nil
		case <-u.members:
		}
	}
}

// heard hands another guard's report to this one.
func (u *cluster) heard(node string, report []byte) {
	if u.guard != nil {
		u.guard.Heard(node, report)
	}
}

// run works until ctx ends: the guard first, whose last releases the link still
// carries. failed is called when a part ends by itself.
func (u *cluster) run(ctx context.Context, failed func(error)) {
	go u.said.Run()
	defer u.said.Close()
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	defer unlink()
	var parts sync.WaitGroup
	run := func(what string, ctx context.Context, f func(context.Context) error) {
		if err := f(ctx); err != nil && ctx.Err() == nil {
			u.mu.Lock()
			u.broken = errors.Join(u.broken, err)
			u.mu.Unlock()
			failed(fmt.Errorf("%s: %w", what, err))
		}
	}
	parts.Go(func() { run("peer link", linked, u.link.Run) })
	parts.Go(func() { run("fleet", linked, u.fleet.Run) })
	parts.Go(func() { run("members", linked, u.watchMembers) })
	if u.guard != nil {
		u.fleet.SetReport(u.guard.Report())
		run("guard", ctx, u.guard.Run)
	}
	<-ctx.Done()
	unlink()
	parts.Wait()
}

// reload applies another configuration, and returns what undoes that.
func (u *cluster) reload(ctx context.Context, c *config.Config) (undo func(), err error) {
	u.mu.Lock()
	old, oldKeys := u.cfg, u.keys
	u.mu.Unlock()
	keys, err := linkKeys(c.PeerLink)
	if err != nil {
		return nil, err
	}
	apply := func(ctx context.Context, c *config.Config, keys [][]byte) error {
		if u.guard != nil {
			if err := u.guard.Reload(ctx, u.guardConfig(c, clusterWorld{})); err != nil {
				return fmt.Errorf("changing the guard: %w", err)
			}
		}
		u.fleet.SetNodes(fleetNodes(c))
		u.learn(c)
		u.mu.Lock()
		u.keys = keys
		u.mu.Unlock()
		return errors.Join(u.link.SetPeers(linkPeers(c, u.node)), u.link.Rotate(keys))
	}
	undo = func() { _ = apply(context.WithoutCancel(ctx), old, oldKeys) } // what was is valid
	if err := apply(ctx, c, keys); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// linkOf is the peer link as the fleet sees it.
type linkOf struct{ *gossip.Link }

func (l linkOf) Send(to string, payload []byte) error { return l.Link.Send(to, gossip.Agent, payload) }

func (l linkOf) Members() []fleet.Member {
	var members []fleet.Member
	for _, m := range l.Link.Members() {
		members = append(members, fleet.Member{Name: m.Name, Address: m.Addr, Start: m.Start, State: m.State, Since: m.Since})
	}
	return members
}

// holds tells whether this node has the lease that the address belongs to.
func (u *cluster) holds(a netip.Addr) bool {
	u.mu.Lock()
	resource := u.known[a]
	u.mu.Unlock()
	return u.guard.Lease(resource).Held
}

// resourceOf is the resource that a claim is of, or empty.
func (u *cluster) resourceOf(claim string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byRouter[strings.TrimSuffix(claim, "/ipv6")]
}

// learn notes what the addresses of a configuration belong to.
func (u *cluster) learn(c *config.Config) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cfg, u.resources, u.sealed = c, c.Resources(), make(map[sealKey]sealed)
	if u.byRouter == nil {
		u.byRouter = make(map[string]string)
	}
	maps.Copy(u.byRouter, leaseNames(u.resources))
	for _, r := range u.resources {
		for _, a := range r.Addresses {
			u.known[a] = r.Name
		}
	}
}

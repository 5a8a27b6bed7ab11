// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/fleet"
	"github.com/vicar-ha/vicar/guard"
	"github.com/vicar-ha/vicar/guardian"
	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// cluster is what binds a node to the others: the peer link, what travels on it,
// and the guard. guard is nil without one.
type cluster struct {
	node    string
	log     *slog.Logger
	link    *gossip.Link
	fleet   *fleet.Fleet
	guard   *guard.Guard
	members chan struct{} // holds one: they have changed

	mu        sync.Mutex
	cfg       *config.Config
	known     map[netip.Addr]string // the resources of all addresses that were configured
	resources []config.Resource
	sealed    map[sealKey]sealed // releases, as long as they are the same
	broken    error              // the link has ended with it
}

// clusterWorld is what a cluster is built with.
type clusterWorld struct {
	stateDir string
	fence    guard.Fence // nil: none
	now      func() time.Time
	alarms   func() (agent.Alarm, error)
	log      *slog.Logger
}

// newCluster builds what the configuration wants; nil without a peer link.
func newCluster(c *config.Config, node string, w clusterWorld) (_ *cluster, err error) {
	if c.PeerLink == nil {
		return nil, nil
	}
	keys, err := gossip.LoadKeys(c.PeerLink.KeysFile)
	if err != nil {
		return nil, fmt.Errorf("reading the peer link's keys: %w", err)
	}
	u := &cluster{node: node, log: w.log, known: make(map[netip.Addr]string), members: make(chan struct{}, 1)}
	u.learn(c)
	u.link, err = gossip.New(gossip.Config{
		Node: node, Cluster: c.Cluster, Bind: own(c, node), Port: c.PeerLink.Port, Peers: linkPeers(c, node), Keys: keys, Log: w.log,
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
	u.fleet, err = fleet.New(fleet.Config{Node: node, Nodes: fleetNodes(c), Link: linkOf{u.link}, Heard: u.heard, Log: w.log})
	if err != nil || c.Guard.Kind != config.GuardQuorum {
		return u, err
	}
	u.guard, err = guard.New(u.guardConfig(c, w))
	return u, err
}

// own are the node's addresses that the peer link listens at.
func own(c *config.Config, node string) []netip.Addr {
	for _, n := range c.Nodes {
		if n.Name == node {
			return n.Addresses
		}
	}
	return nil
}

func linkPeers(c *config.Config, node string) []gossip.Peer {
	var peers []gossip.Peer
	for _, n := range c.Nodes {
		if n.Name == node {
			continue
		}
		p := gossip.Peer{Name: n.Name}
		for _, a := range n.Addresses {
			p.Addresses = append(p.Addresses, netip.AddrPortFrom(a, c.PeerLink.Port).String())
		}
		peers = append(peers, p)
	}
	return peers
}

func fleetNodes(c *config.Config) []fleet.Node {
	var nodes []fleet.Node
	for _, n := range c.Nodes {
		nodes = append(nodes, fleet.Node{Name: n.Name, Address: netip.AddrPortFrom(n.Addresses[0], c.PeerLink.Port), Witness: n.Witness})
	}
	return nodes
}

// guardConfig is what the configuration says for the guard.
func (u *cluster) guardConfig(c *config.Config, w clusterWorld) guard.Config {
	g := guard.Config{
		Node: u.node, Start: u.link.Start(), Voters: quorum.List{Voters: c.Voters(), MaxLease: c.Guard.MaxLease},
		Candidate: len(c.Members(u.node)) > 0, StateDir: w.stateDir, Fence: w.fence, Log: w.log, Now: w.now, Limit: gossip.MaxPayload,
		Send:    func(to string, packet []byte) error { return u.link.Send(to, gossip.Lease, packet) },
		Changed: func() { u.fleet.SetReport(u.guard.Report()) },
	}
	if w.alarms != nil {
		g.NewAlarm = func() (guard.Alarm, error) {
			a, err := w.alarms()
			if err != nil {
				return nil, err
			}
			return a, nil
		}
	}
	for _, r := range c.Resources() {
		g.Resources = append(g.Resources, guard.Resource{
			Name: r.Name, Addresses: r.Addresses, Longest: r.Longest, Shortest: r.Shortest, Hold: r.OnLoss == config.OnLossHold,
		})
	}
	return g
}

// received hands a message to whom it is for.
func (u *cluster) received(from string, ch gossip.Channel, payload []byte) {
	switch {
	case ch == gossip.Agent:
		u.fleet.Received(from, payload)
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
	old := u.cfg
	u.mu.Unlock()
	keys, err := gossip.LoadKeys(c.PeerLink.KeysFile)
	if err != nil {
		return nil, fmt.Errorf("reading the peer link's keys: %w", err)
	}
	apply := func(ctx context.Context, c *config.Config) error {
		if u.guard != nil {
			if err := u.guard.Reload(ctx, u.guardConfig(c, clusterWorld{})); err != nil {
				return fmt.Errorf("changing the guard: %w", err)
			}
		}
		u.fleet.SetNodes(fleetNodes(c))
		u.learn(c)
		return u.link.SetPeers(linkPeers(c, u.node))
	}
	undo = func() { _ = apply(context.WithoutCancel(ctx), old) } // what was is valid
	if err := errors.Join(apply(ctx, c), u.link.Rotate(keys)); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// status adds what the cluster knows.
func (u *cluster) status(ctx context.Context, st *status.Status) {
	st.Fleet = u.fleet.Status(st.Digest)
	u.mu.Lock()
	broken, resources := u.broken, u.resources
	u.mu.Unlock()
	st.PeerLink = &status.PeerLink{Port: int(u.link.Port()), Dropped: u.dropped()}
	if broken != nil {
		st.PeerLink.Error = broken.Error()
	}
	if u.guard == nil {
		return
	}
	if g, err := u.guard.Status(ctx); err == nil {
		st.Guard = &g
		// Who asks nobody knows of no answers.
		st.Guard.Majority = st.Votes().Majority
	}
	names := leaseNames(resources)
	for n := range st.Routers {
		if r := &st.Routers[n]; r.Lease != nil && r.Lease.Held {
			// The clocks differ by what the agent has made up for already.
			lease := u.guard.Lease(names[r.Name])
			r.Lease.Until = r.Lease.Since.Add(lease.Until.Sub(lease.Since))
		}
	}
}

// dropped counts what the link and the fleet did not use.
func (u *cluster) dropped() map[string]uint64 {
	s := u.link.Stats()
	all := map[string]uint64{
		"wrong_key": s.WrongKey, "wrong_cluster": s.WrongCluster, "unknown": s.Unknown, "repeated": s.Repeated,
		"malformed": s.Malformed, "misdirected": s.Misdirected, "duplicate": s.Duplicate, "unproven": s.Unproven, "unhandled": s.Unhandled,
		"overflow": s.Overflow,
	}
	for reason, n := range u.fleet.Dropped() {
		all["agent_"+reason] += n
	}
	for reason, n := range all {
		if n == 0 {
			delete(all, reason)
		}
	}
	return all
}

// leaseNames are the resources of the routers.
func leaseNames(resources []config.Resource) map[string]string {
	names := make(map[string]string)
	for _, r := range resources {
		for _, router := range r.Routers {
			names[router] = r.Name
		}
	}
	return names
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

// learn notes what the addresses of a configuration belong to.
func (u *cluster) learn(c *config.Config) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cfg, u.resources, u.sealed = c, c.Resources(), make(map[sealKey]sealed)
	for _, r := range u.resources {
		for _, a := range r.Addresses {
			u.known[a] = r.Name
		}
	}
}

// releases implements seals.
func (u *cluster) releases() []guardian.Datagram {
	if u.guard == nil {
		return nil
	}
	u.mu.Lock()
	resources := u.resources
	u.mu.Unlock()
	var all []guardian.Datagram
	for _, r := range resources {
		for to, packet := range u.guard.Releases(r.Name) {
			all = append(all, u.seal(sealKey{r.Name, to}, packet)...)
		}
	}
	return all
}

// sealKey is whose release it is, and for whom.
type sealKey struct{ resource, to string }

// sealed is a release and its packets.
type sealed struct {
	packet    []byte
	datagrams []guardian.Datagram
}

// seal seals a release, once for each lease.
func (u *cluster) seal(key sealKey, packet []byte) []guardian.Datagram {
	u.mu.Lock()
	last := u.sealed[key]
	u.mu.Unlock()
	if bytes.Equal(last.packet, packet) {
		return last.datagrams
	}
	list, err := u.link.Seal(key.to, gossip.Lease, packet)
	if err != nil {
		u.log.Debug("a release can't be sealed", slog.String("peer", key.to), slog.Any("err", err))
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sealed[key] = sealed{packet, datagrams(list)}
	return u.sealed[key].datagrams
}

// adverts implements seals.
func (u *cluster) adverts(family int, packets []wire.Packet) []guardian.Datagram {
	sealed, err := u.link.SealAdverts(family, packets)
	if err != nil {
		u.log.Debug("adverts can't be sealed", slog.Any("err", err))
	}
	return datagrams(sealed)
}

func datagrams(sealed []gossip.Datagram) []guardian.Datagram {
	var all []guardian.Datagram
	for _, d := range sealed {
		all = append(all, guardian.Datagram{To: d.To, Data: d.Data})
	}
	return all
}

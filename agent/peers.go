// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// watchPeers runs the watch of the other nodes' agents.
func (l *loop) watchPeers(ctx context.Context, world Peers) {
	err := world.Watch(ctx, l.peerEvents.put)
	if ctx.Err() == nil {
		l.post(blind{fmt.Errorf("watching the other nodes: %w", err)})
	}
}

// peersSaid takes over messages and how the nodes stand.
func (l *loop) peersSaid(now time.Time, events []vip.PeerEvent) {
	for _, ev := range events {
		if ev.States != nil {
			l.peers, l.stands = ev.States, byResource(ev.States)
			l.peersChanged(now)
		}
		if ev.Message != nil {
			l.hear(now, *ev.Message)
		}
	}
}

// byResource orders what nodes say by resource and node.
func byResource(peers []vip.NodeState) map[string]map[string]vip.ResourceState {
	all := make(map[string]map[string]vip.ResourceState)
	for _, n := range peers {
		for _, r := range n.Resources {
			if all[r.Name] == nil {
				all[r.Name] = make(map[string]vip.ResourceState, len(peers))
			}
			all[r.Name][n.Node] = r
		}
	}
	return all
}

// peersChanged looks at what depends on how the other nodes stand.
func (l *loop) peersChanged(now time.Time) {
	for _, key := range l.keys() {
		g := l.groups[key]
		if l.states(g)[g.pinnedTo].State == vrrp.Active.String() {
			g.pinnedTo, g.pinnedUntil = "", time.Time{} // it says by itself how long
			l.stateChanged()
		}
		if l.states(g)[g.vain.to].State == vrrp.Active.String() {
			g.vain.holds(g.vain.to)
		}
		l.restrain(g, now)
		l.checkHeard(g, now)
		l.giveWay(g, now)
	}
	l.checkMoves(now)
}

// nodes are the names of the other nodes that are there.
func (l *loop) nodes() []string {
	names := make([]string, len(l.peers))
	for n, p := range l.peers {
		names[n] = p.Node
	}
	return names
}

// stateChanged has the other nodes told how this one stands, at the end of this
// round.
func (l *loop) stateChanged() { l.restate = true }

// announceState tells the other nodes how this one stands, if that has changed.
func (l *loop) announceState() {
	if !l.restate || l.cfg.Peers == nil {
		return
	}
	l.restate = false
	s := vip.NodeState{
		Node: l.cfg.Node, Version: l.cfg.Version, Digest: l.cfg.Digest, Drained: l.cfg.Drained, Witness: len(l.cfg.Routers) == 0,
	}
	for _, key := range l.keys() {
		g := l.groups[key]
		r := vip.ResourceState{
			Name: key, Pinned: g.pins(), Yields: g.yields != "", Unready: g.unready, Unheard: g.unheard, State: g.state().String(),
			Taking: g.active() && !g.held(),
		}
		for _, i := range g.members {
			st := i.engine.Status()
			r.Priority, r.Term = st.Priority, max(r.Term, st.Term)
		}
		s.Resources = append(s.Resources, r)
	}
	l.cfg.Peers.Announce(s)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
)

// status adds what the cluster knows.
func (u *cluster) status(ctx context.Context, st *status.Status) {
	st.Fleet = u.fleet.Status(st.Digest)
	u.reached(st)
	u.mu.Lock()
	broken, resources := u.broken, u.resources
	u.mu.Unlock()
	st.PeerLink = &status.PeerLink{Port: int(u.link.Port()), Dropped: u.dropped()}
	now := u.now()
	for _, t := range u.link.Troubles() {
		st.PeerLink.Troubles = append(st.PeerLink.Troubles, status.Trouble{Kind: t.Kind, From: t.From, At: st.Now.Add(-now.Sub(t.At))})
	}
	if broken != nil {
		st.PeerLink.Error = broken.Error()
	}
	if u.guard == nil {
		return
	}
	if g, err := u.guard.Status(ctx); err == nil {
		st.Guard = &g
		votes := st.Votes()
		g.Majority = votes.Majority
		for i := range g.Voters {
			g.Voters[i].Counted = !slices.Contains(votes.Silent, g.Voters[i].Name)
		}
		st.MarkStale()
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

// quietFor is how long a node that is asked every second, and soon again if it does
// not answer, may be silent on the peer link before that is shown.
const quietFor = 3 * time.Second

// reached adds when the nodes were last heard on the peer link. One that has joined
// and has never answered may not have this node in its file.
func (u *cluster) reached(st *status.Status) {
	now := u.now()
	heard := make(map[string]time.Time)
	for _, m := range u.link.Members() {
		heard[m.Name] = m.Heard
	}
	for i := range st.Fleet {
		n := &st.Fleet[i]
		at, joined := heard[n.Name]
		switch {
		case !joined || !n.Joined || !n.Configured:
		case at.IsZero():
			// A reload may have made it one that is asked.
			n.Quiet = st.Now.Sub(n.Since) > quietFor && st.Now.Sub(st.Reloaded) > quietFor
		default:
			ago := now.Sub(at)
			n.Heard, n.Quiet = st.Now.Add(-ago), ago > quietFor
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

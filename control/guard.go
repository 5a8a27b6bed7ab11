// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"slices"

	"github.com/vicar-ha/vicar/status"
)

// Values of the label role: what is lost with a node.
const (
	rolePeer    = "peer"
	roleWitness = "witness"
)

// lease sends what the guard says of a router, if there is one.
func (e emitter) lease(st *status.Status, r *status.Router) {
	e.send(MetricRouterPinned, truth(r.Pinned), r.Name)
	e.send(MetricRouterYields, truth(r.Yields != ""), r.Name)
	e.send(MetricRouterFiltered, truth(r.Filtered != ""), r.Name)
	if l := r.Lease; l != nil {
		e.send(MetricLeaseHeld, truth(l.Held), r.Name)
		spare := -1
		if votes := st.VotesOn(r.Resource()); votes.Majority {
			spare = votes.Spare
		}
		e.send(MetricLeaseSpare, float64(spare), r.Name)
		e.send(MetricLeaseUnconfirmed, truth(l.Unconfirmed), r.Name)
		e.send(MetricLeaseTerm, float64(l.Term), r.Name)
		e.send(MetricLeaseLost, float64(l.Lost), r.Name)
	}
}

// guard sends how the guard and its voters are, if there is one.
func (e emitter) guard(st *status.Status) {
	g := st.Guard
	if g == nil {
		return
	}
	votes := st.Votes()
	e.send(MetricGuardMajority, truth(votes.Majority))
	e.send(MetricGuardSpare, float64(votes.Spare))
	for _, v := range g.Voters {
		e.send(MetricGuardVoter, truth(!slices.Contains(votes.Silent, v.Name)), v.Name, role(st, v.Name))
	}
	e.send(MetricGuardStaged, truth(g.Staged))
	e.send(MetricGuardProblem, truth(g.Problem != ""))
	e.send(MetricGuardSilent, truth(g.Silent.After(st.Now)))
	e.send(MetricGuardGrants, float64(g.Grants))
	e.each(MetricGuardDropped, g.Dropped)
	e.send(MetricGuardSlew, g.ClockSlew/100)
	e.send(MetricFence, truth(g.Fence == status.FenceOn))
}

// fleet sends how the nodes stand, if there is a peer link. Nodes that are not
// configured are counted only: their names are anybody's.
func (e emitter) fleet(st *status.Status) {
	e.send(MetricDrained, truth(st.Drained))
	if st.PeerLink == nil {
		return
	}
	strangers := 0
	for i := range st.Fleet {
		n := &st.Fleet[i]
		if !n.Configured {
			strangers++
			continue
		}
		e.send(MetricPeerJoined, truth(n.Joined), n.Name, role(st, n.Name))
		e.send(MetricPeerDiffers, truth(n.Differs), n.Name)
		e.send(MetricPeerDrained, truth(n.Drained), n.Name)
	}
	e.send(MetricStrangers, float64(strangers))
	e.each(MetricPeerLinkDropped, st.PeerLink.Dropped)
}

func role(st *status.Status, node string) string {
	if slices.ContainsFunc(st.Fleet, func(n status.Node) bool { return n.Name == node && n.Witness }) {
		return roleWitness
	}
	return rolePeer
}

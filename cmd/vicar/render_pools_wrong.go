// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// recentRepair is for how long something that was put right is shown as wrong now:
// who changes the kernel's state once may do so again.
const recentRepair = 10 * time.Minute

// wrongPools says what is not as it should be with the pools, first of those with which
// more is wrong than a server.
func wrongPools(st status.Status) []string {
	var ws []string
	rest := 0
	pools := slices.Clone(st.Pools)
	slices.SortStableFunc(pools, func(a, b status.Pool) int {
		return cmp.Compare(poolUrgency(&a), poolUrgency(&b))
	})
	for i := range pools {
		of := wrongPool(st, &pools[i])
		if len(of) > 0 && len(ws) >= mostPools {
			rest++
			continue
		}
		ws = append(ws, of...)
	}
	if rest > 0 {
		ws = append(ws, manyOf(uint64(rest), "more pool is not as it should be", "more pools are not as they should be"))
	}
	if s := st.Sync; s != nil && s.Error != "" {
		ws = append(ws, fmt.Sprintf("the synchronisation of IPVS's connections is not as it should be: %s", clip(s.Error, mostText)))
	}
	return ws
}

// poolUrgency orders pools: who is woken reads the lowest first.
func poolUrgency(p *status.Pool) int {
	switch {
	case p.State == poolDown && !p.Sorry:
		return 0
	case !poolWell(p):
		return 1
	default:
		return 2
	}
}

func wrongPool(st status.Status, p *status.Pool) []string {
	var ws []string
	say := func(format string, args ...any) { ws = append(ws, fmt.Sprintf(format, args...)) }
	if p.Error != "" {
		say("pool %s is not in the kernel as it should be: %s", p.Name, clip(p.Error, mostText))
	}
	if p.Hindrance != "" {
		say("pool %s: %s", p.Name, clip(p.Hindrance, mostText))
	}
	ws = append(ws, wrongFile(p)...)
	var down []string
	servers := 0
	for i := range p.Servers {
		s := &p.Servers[i]
		if !s.Sorry {
			servers++
		}
		if s.State == poolDown {
			name := s.Name
			if s.Cause != "" {
				name += " (" + shortCause(clip(s.Cause, mostText), s.Address) + ")"
			}
			down = append(down, name)
		}
	}
	failed := ""
	if n := uint64(len(down)); n > 0 {
		failed = fmt.Sprintf(": %s down: %s", manyOf(n, fmt.Sprintf("of %d servers is", servers), fmt.Sprintf("of %d servers are", servers)), firstFew(down))
	}
	switch {
	case p.State == poolDown:
		say("pool %s has no quorum (%d of %d)%s%s", p.Name, p.Alive, p.Quorum, withoutQuorum(p), failed)
	case failed != "":
		say("pool %s%s", p.Name, failed)
	}
	if !p.RepairedAt.IsZero() && st.Now.Sub(p.RepairedAt) < recentRepair {
		say("pool %s: somebody else changed what the kernel has of it, and it was put right %s ago: %s", p.Name, age(st.Now.Sub(p.RepairedAt)), clip(p.Repair, mostText))
	}
	return ws
}

// wrongFile says why what a pool's servers file has is not in force.
func wrongFile(p *status.Pool) []string {
	if p.FileError == "" {
		return nil
	}
	return []string{fmt.Sprintf("pool %s: what is in its servers_file now is not in force: %s", p.Name, clip(p.FileError, mostText))}
}

// wrongFiles says it of all pools.
func wrongFiles(st status.Status) (ws []string) {
	for i := range st.Pools {
		ws = append(ws, wrongFile(&st.Pools[i])...)
	}
	return ws
}

// withoutQuorum says who serves then.
func withoutQuorum(p *status.Pool) string {
	switch {
	case p.Sorry:
		return ", and its sorry server serves"
	case p.Alive == 0:
		return ", and nobody serves"
	default:
		return ", and what is left of it serves"
	}
}

// waitsPools says which servers wait for somebody.
func waitsPools(st status.Status) []string {
	var ws []string
	rest := 0
	for i := range st.Pools {
		p := &st.Pools[i]
		for j := range p.Servers {
			s := &p.Servers[j]
			if s.State != poolDraining && s.State != poolDrained {
				continue
			}
			if len(ws) == mostPools {
				rest++
				continue
			}
			open := ""
			if s.Active+s.Inactive > 0 {
				open = fmt.Sprintf(" (%s)", connectionsOf(s))
			}
			ws = append(ws, fmt.Sprintf("%s of pool %s is %s%s until: vicar pool undrain %s %s", s.Name, p.Name, s.State, open, p.Name, s.Name))
		}
	}
	if rest > 0 {
		ws = append(ws, manyOf(uint64(rest), "more server is drained", "more servers are drained"))
	}
	for i := range st.Pools {
		if p := &st.Pools[i]; len(p.DrainedAway) > 0 {
			ws = append(ws, fmt.Sprintf("drained servers that pool %s does not have any more will be drained if they come back, until vicar pool undrain %s SERVER: %s",
				p.Name, p.Name, firstFew(p.DrainedAway)))
		}
	}
	return ws
}

// connectionsOf says how many connections a server has.
func connectionsOf(s *status.PoolServer) string {
	if s.Inactive == 0 {
		return many(s.Active, "connection")
	}
	return fmt.Sprintf("%d active and %s", s.Active, many(s.Inactive, "inactive connection"))
}

// countsPools says what was put right since the start.
func countsPools(st status.Status) []string {
	var cs []string
	for i := range st.Pools {
		if p := &st.Pools[i]; p.Repaired > 0 {
			cs = append(cs, fmt.Sprintf("pool %s: put right %s of the kernel's that somebody else had changed", p.Name, many(p.Repaired, "object")))
		}
	}
	return cs
}

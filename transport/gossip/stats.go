// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import "sync/atomic"

// counts are the counters of Stats.
type counts struct {
	wrongKey, wrongCluster, unknown, repeated, malformed, misdirected, duplicate, unhandled, overflow, unproven atomic.Uint64
}

func (c *counts) refused(r refusal) {
	switch r {
	case wrongKey:
		c.wrongKey.Add(1)
	case wrongCluster:
		c.wrongCluster.Add(1)
	case notRefused:
	}
}

// Stats count what was dropped since the start.
type Stats struct {
	WrongKey     uint64 // encrypted with none of our keys, or not at all
	WrongCluster uint64 // labelled with another cluster
	Unknown      uint64 // of a node that is not configured
	Repeated     uint64 // come before, too old to know, or of a former start
	Unproven     uint64 // of a start that has not yet proven that it runs
	Malformed    uint64
	Misdirected  uint64 // meant for another node
	Duplicate    uint64 // signs that two nodes have one name
	Unhandled    uint64 // on a channel that this version does not know
	Overflow     uint64 // adverts that were not received in time
}

// Stats are the counters now.
func (l *Link) Stats() Stats {
	c := &l.counts
	return Stats{
		WrongKey: c.wrongKey.Load(), WrongCluster: c.wrongCluster.Load(), Unknown: c.unknown.Load(),
		Repeated: c.repeated.Load(), Malformed: c.malformed.Load(), Misdirected: c.misdirected.Load(),
		Duplicate: c.duplicate.Load(), Unhandled: c.unhandled.Load(), Overflow: c.overflow.Load(), Unproven: c.unproven.Load(),
	}
}

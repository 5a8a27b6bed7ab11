// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// guarded checks what the guard and the peer link ask of the whole file.
func (r *reader) guarded(raw *rawFile, c *Config, routers []router, groups []group) {
	r.linked(raw, c)
	r.distinctByGossip(raw, c)
	r.shortNames(raw, routers, groups)
	r.shortAdverts(c, routers)
	if c.Guard.Kind != GuardQuorum {
		r.idleWitnesses(raw)
		return
	}
	r.enoughVoters(raw, c)
	if c.Guard.MaxLease > time.Minute {
		r.warn(raw.Guard.MaxLease.mark, shortDuration(c.Guard.MaxLease)+" is long",
			"a voter that has started says nothing for that long: when all start together nobody holds an address until then")
	}
	r.fenceRoom(c, routers)
	for i := range routers {
		r.leasable(raw, c, &routers[i])
		r.guardedOwner(c, &routers[i])
	}
}

// enoughVoters checks how many nodes vote: a majority of two is both.
func (r *reader) enoughVoters(raw *rawFile, c *Config) {
	const witness = "as in arbiter: {address: 192.0.2.12, witness: true}"
	at := raw.Guard.Kind.mark
	switch n := len(c.Nodes); {
	case n == 0: // said before
	case raw.Guard.Table.present():
		r.table(raw, c)
	case n == 1:
		r.bad(at, "there is only one voter, "+c.Nodes[0].Name, "a guard needs three: add nodes, or witnesses, "+witness)
	case n == 2:
		r.bad(at, "two voters make no useful majority: when either of "+words(c.nodeNames())+" fails the other can hold nothing",
			"add a witness on a third machine, "+witness+"; or in AWS a DynamoDB table as the third voter: write table: vicar-lease in guard, and aws: {} at the top")
	case n%2 == 0:
		r.warn(raw.Nodes.mark, fmt.Sprintf("%d voters may lose %d, no more than %d may", n, (n-1)/2, n-1),
			"with one more, a witness for instance, it is one more")
	}
}

// table checks that the table is the third voter of two nodes, and can be asked.
func (r *reader) table(raw *rawFile, c *Config) {
	at := raw.Guard.Table.mark
	switch n, holders := len(c.Nodes), len(c.contenders()); {
	case n > 2 && n%2 == 1:
		r.bad(at, fmt.Sprintf("%d nodes have a majority without a table: with it %d voters may lose %d, as they may now", n, n+1, (n-1)/2), "remove table: it is for two nodes")
	case n > 2:
		r.bad(at, fmt.Sprintf("a table is the third voter of two nodes, and there are %d", n), "remove table; one more node, a witness for instance, does the same for them")
	case holders < 2:
		r.bad(at, "a table is the third voter of two nodes that can both hold the addresses, and there is only one", "remove table, or add a node that is no witness")
	}
	if !raw.AWS.present() {
		r.bad(at, "a DynamoDB table needs the section aws, and there is none", "add aws: {} at the top; the region is what the machine's metadata says")
	}
	if most := raw.Guard.MaxLease; most.ok && most.v < minTableLease {
		r.bad(most.mark, fmt.Sprintf("where a table votes a lease runs for %s at least", shortDuration(minTableLease)), "write max_lease: "+shortDuration(minTableLease)+" or more")
	}
}

// idleWitnesses warns of witnesses that nobody asks.
func (r *reader) idleWitnesses(raw *rawFile) {
	if raw.Guard.Kind.present() && !raw.Guard.Kind.ok || raw.Guard.present() && !raw.Guard.Kind.present() {
		return // it is an error
	}
	for _, e := range raw.Nodes.entries {
		if e.value.Witness.v {
			r.warn(e.value.Witness.mark, e.name+" does nothing: a witness votes for the guard, and there is none", "write guard: {kind: quorum} at the top, or remove the node")
		}
	}
}

// leasable checks that the voters may grant the router's lease, and that the
// lease doesn't outlast what it is to bridge.
func (r *reader) leasable(raw *rawFile, c *Config, v *router) {
	if v.Interval == 0 || !usable(v.raw.Interval.scalar) || !usable(raw.Guard.MaxLease.scalar) {
		return
	}
	at, longest := place(v.raw.Interval.mark, v), c.Guard.MaxLease
	need := lease(v.Interval, c.Guard.Table != "")
	switch {
	case c.Guard.Table != "" && longest < minTableLease: // said of max_lease
	case need > longest:
		r.bad(at, fmt.Sprintf("the advert interval %s needs a lease of %s, and the guard's max_lease is %s", shortDuration(v.Interval), shortDuration(need), shortDuration(longest)),
			shorterInterval(v, longest)+"write max_lease: "+shortDuration(need)+" in guard")
	case c.Guard.Table == "" && 3*v.Interval < minLease:
		r.warn(at, shortDuration(v.Interval)+" is faster than the guard: a lease runs for "+shortDuration(minLease)+" at least, and nobody takes over from a dead holder before",
			"40ms is as good")
	}
}

// shorterInterval is the remedy of an interval that a lease can bridge, if there
// is one.
func shorterInterval(v *router, longest time.Duration) string {
	unit := 10 * time.Millisecond
	if v.Version == wire.V2 {
		unit = time.Second
	}
	most := (longest / 3).Truncate(unit)
	if most == 0 {
		return ""
	}
	return "write advert_interval: " + shortDuration(most) + " or less, or "
}

// guardedOwner refuses an address owner (RFC 9568 section 5.2.4): its host has
// the addresses whatever a voter says.
func (r *reader) guardedOwner(c *Config, v *router) {
	for _, n := range c.contenders() {
		if v.Priority[n.Name] == wire.PriorityOwner {
			r.bad(priorityPlace(v, n.Name), n.Name+" has priority 255: the addresses are its own, and no guard can keep it from having them",
				"write 254 or less, and share addresses that no host has as its own")
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"time"
)

// Resource is what moves together, and what a lease is for: a sync group, or a
// router that is in none.
type Resource struct {
	Name    string   // "router web" or "sync group edge"
	Routers []string // in the sync group's order
	// Addresses are those of all its routers, both families, excluded ones too, in
	// order. No address is in two resources.
	Addresses []netip.Addr
	// Shortest and Longest are the least and the greatest Interval of its routers.
	Shortest, Longest time.Duration
	OnLoss            OnLoss // empty without a guard
	Table             bool   // a table is one of the voters
}

// minLease is the shortest lease: round trips and a busy host need some time.
const minLease = 100 * time.Millisecond

// minTableLease is the shortest where a table votes, which is asked over the
// network of a cloud, and by nobody who has a clock.
const minTableLease = 3 * time.Second

// Lease is how long a lease of the resource runs: as long as it takes a Backup to
// miss the holder (Active_Down_Interval without its skew, RFC 9568 section 6.1),
// so that the lease has run out when the Backup asks for it.
func (r Resource) Lease() time.Duration { return lease(r.Longest, r.Table) }

func lease(interval time.Duration, table bool) time.Duration {
	if table {
		return max(minTableLease, 3*interval)
	}
	return max(minLease, 3*interval)
}

// resourceName is a router's that is in no sync group, or with a group the
// group's.
func resourceName(router, group string) string {
	if group != "" {
		return "sync group " + group
	}
	return "router " + router
}

// Resources are the same on every node, by their names' order in the file's
// sections: routers first.
func (c *Config) Resources() []Resource {
	var resources []Resource
	for _, v := range c.Routers {
		if !slices.ContainsFunc(c.SyncGroups, func(g SyncGroup) bool { return slices.Contains(g.Routers, v.Name) }) {
			resources = append(resources, c.resource(resourceName(v.Name, ""), []string{v.Name}))
		}
	}
	for _, g := range c.SyncGroups {
		resources = append(resources, c.resource(resourceName("", g.Name), g.Routers))
	}
	return resources
}

func (c *Config) resource(name string, routers []string) Resource {
	res := Resource{Name: name, Routers: slices.Clone(routers), Table: c.Guard.Table != ""}
	for _, v := range c.Routers {
		if !slices.Contains(routers, v.Name) {
			continue
		}
		for _, p := range slices.Concat(v.Addresses, v.Exclude) {
			res.Addresses = append(res.Addresses, p.Addr())
		}
		if res.Shortest == 0 || v.Interval < res.Shortest {
			res.Shortest = v.Interval
		}
		res.Longest = max(res.Longest, v.Interval)
		res.OnLoss = v.OnLoss // all members': see sameTimes
	}
	slices.SortFunc(res.Addresses, netip.Addr.Compare)
	return res
}

// Voters are those that vote on leases, by name: all nodes, witnesses included,
// and the guard's table, as in "table vicar-lease". There are none without a
// guard.
func (c *Config) Voters() []string {
	if c.Guard.Kind != GuardQuorum {
		return nil
	}
	voters := c.nodeNames()
	if c.Guard.Table != "" {
		voters = append(voters, tableVoter+c.Guard.Table)
	}
	return voters
}

// tableVoter begins the name of a table as a voter: that of quorum.TableName.
const tableVoter = "table "

// Majority is how many voters it takes to grant a lease, 0 without a guard.
func (c *Config) Majority() int {
	voters := len(c.Voters())
	if voters == 0 {
		return 0
	}
	return voters/2 + 1
}

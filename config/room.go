// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"

	"github.com/vicar-ha/vicar/vip"
)

// What messages have room for.
const (
	linkNameMost     = 64  // of a node or a cluster, on the peer link
	resourceNameMost = 255 // of what a lease is for
	gossipIPv6Most   = 71  // addresses in an advert: see gossip.MaxPayload
)

// shortNames checks that the names that go over the peer link fit a message.
func (r *reader) shortNames(raw *rawFile, routers []router, groups []group) {
	if !raw.PeerLink.present() {
		return
	}
	fits := func(at mark, name string, most int) {
		if len(name) > most {
			r.bad(at, "the name is too long for the peer link", fmt.Sprintf("%d characters are the most", most))
		}
	}
	fits(raw.Cluster.mark, raw.Cluster.v, linkNameMost)
	for _, e := range raw.Nodes.entries {
		fits(e.key, e.name, linkNameMost)
	}
	for _, v := range routers {
		fits(v.key, v.Name, resourceNameMost-len(resourceName("", "")))
	}
	for _, g := range groups {
		fits(g.key, g.Name, resourceNameMost-len(resourceName("", g.Name))+len(g.Name))
	}
}

// shortAdverts checks that the adverts fit the peer link where they travel by it.
func (r *reader) shortAdverts(c *Config, routers []router) {
	if c.Transport.Kind != Gossip {
		return
	}
	for _, v := range routers {
		count := 0
		for _, p := range v.Addresses {
			if p.Addr().Is6() {
				count++
			}
		}
		if count > gossipIPv6Most {
			r.bad(v.raw.Addresses.mark, fmt.Sprintf("there are %d IPv6 addresses", count),
				fmt.Sprintf("by gossip an advert has room for %d; put the others into exclude", gossipIPv6Most))
		}
	}
}

// fenceRoom checks that the fence can hold all guarded addresses. The error is at
// the router, in the file's order, from which on they are too many.
func (r *reader) fenceRoom(c *Config, routers []router) {
	if c.Guard.Fence == FenceOff {
		return
	}
	count, first := 0, -1
	for i, v := range routers {
		count += len(v.Addresses) + len(v.Exclude)
		if count > vip.FenceRoom && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		r.bad(routers[first].key, fmt.Sprintf("with this router there are more guarded addresses than the fence holds, in all %d and not %d", count, vip.FenceRoom),
			"remove some, divide the routers among two clusters, or write fence: off in guard and do without what the fence promises")
	}
}

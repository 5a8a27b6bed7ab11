// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// World is the Cloud with its nodes "a" and "b", for Run and RunBubble.
func (c *Cloud) World(addresses ...netip.Prefix) World {
	names := []string{"a", "b"}
	nodes := [2]*Node{c.Node("a"), c.Node("b")}
	both := func(change func(t *Trouble)) {
		for _, n := range nodes {
			n.Trouble(change)
		}
	}
	return World{
		Nodes:     [2]cloud.Provider{nodes[0], nodes[1]},
		Addresses: addresses,
		Holder:    func(o cloud.Object) int { return slices.Index(names, c.Holder(o)) },
		Give: func(o cloud.Object, node int) {
			if node < 0 {
				c.Give(o, "")
				return
			}
			c.Give(o, names[node])
		},
		Writes:   func(node int) int { return nodes[node].Writes() },
		Down:     func(on bool) { both(func(t *Trouble) { t.Down = on }) },
		Deny:     func(on bool) { both(func(t *Trouble) { t.Denied = on }) },
		Throttle: func(requests int) { both(func(t *Trouble) { t.Throttle = requests }) },
		Lose:     func(writes int) { both(func(t *Trouble) { t.Lose = writes }) },
		Refuse: func(o cloud.Object, writes int) {
			both(func(t *Trouble) { t.Refuse = map[string]int{o.ID: writes} })
		},
		Lag:  func(d time.Duration) { both(func(t *Trouble) { t.Lag = d }) },
		Slow: func(d time.Duration) { both(func(t *Trouble) { t.Latency = d }) },
		Late: func(node int, d time.Duration) { nodes[node].Trouble(func(t *Trouble) { t.Late = d }) },
	}
}

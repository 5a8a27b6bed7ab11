// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// Addresses that move. The second one is there in worlds with IPv6.
var (
	moving  = netip.MustParsePrefix("192.0.2.100/24")
	moving6 = netip.MustParsePrefix("2001:db8::100/64")
)

// The client, and the router's name and interval.
const (
	clientAddress = "192.0.2.50/24"
	web           = "web"
	interval      = 100 * time.Millisecond
)

// term is how long a lease of the interval lasts at most, and maxLease the
// cluster's constant: short, so that a voter is soon back.
const (
	term     = 3 * interval
	maxLease = time.Second
)

// shape is what a world is made of.
type shape struct {
	name    string
	members []member
	peerLAN bool // a second LAN for the peer link
	twoNICs bool // the first node has a second interface on the LAN
	ipv6    bool
	// unguarded agents elect and nothing else.
	unguarded bool
	onLoss    string
	fence     string // required unless set
	rival     bool   // keepalived instead of vicar; unguarded
}

// member is a node. One without a priority is a witness; one that is spare is
// there but not in the configuration.
type member struct {
	name     string
	n        byte // of its addresses
	priority int
	spare    bool
}

// The nodes; the first is the best.
var (
	first   = member{name: "lb-1", n: 10, priority: 150}
	second  = member{name: "lb-2", n: 11, priority: 100}
	third   = member{name: "lb-3", n: 12, priority: 50}
	arbiter = member{name: "arbiter", n: 13}
	joiner  = member{name: "lb-4", n: 14, priority: 120, spare: true}
)

// The shapes that most scenarios are gone through with.
var (
	three   = shape{name: "three nodes", members: []member{first, second, third}}
	witness = shape{name: "two and a witness", members: []member{first, second, arbiter}}
)

// fenceOff leaves the end of a lease to the agent's good will.
func fenceOff(s *shape) { s.fence = "off" }

// bare has agents without a guard, and rivals keepalived.
func bare(s *shape)   { s.unguarded = true }
func rivals(s *shape) { s.unguarded, s.rival = true, true }

// with is the shape, changed.
func (s shape) with(change func(*shape)) shape {
	change(&s)
	return s
}

// lan is the member's address on the LAN, and peer that on the other one.
func (m member) lan() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, m.n}), 24)
}

func (m member) lan6() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0x0d, 3: 0xb8, 15: m.n}), 64)
}

func (m member) peer() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, m.n}), 24)
}

// addresses are what the configuration says of the member.
func (s shape) addresses(m member) []netip.Addr {
	out := []netip.Addr{m.lan().Addr()}
	if s.ipv6 {
		out = append(out, m.lan6().Addr())
	}
	if s.peerLAN {
		out = append(out, m.peer().Addr())
	}
	return out
}

// node is the member as the configuration has it.
func (s shape) node(m member) vicar.Node {
	return vicar.Node{Address: s.addresses(m), Priority: m.priority, Witness: m.priority == 0}
}

// config is the shape's configuration.
func (s shape) config() vicar.Config {
	r := vicar.Router{VRID: 51, Interval: vicar.Duration(interval), Addresses: []netip.Prefix{moving}, OnLoss: s.onLoss}
	if s.ipv6 {
		r.Addresses = append(r.Addresses, moving6)
	}
	c := vicar.Config{Cluster: "guard", Nodes: make(map[string]vicar.Node), Routers: map[string]vicar.Router{web: r}}
	for _, m := range s.members {
		if !m.spare && (m.priority > 0 || !s.unguarded) {
			c.Nodes[m.name] = s.node(m)
		}
	}
	if !s.unguarded {
		c.PeerLink = &vicar.PeerLink{Keys: []string{newKey()}}
		c.Guard = &vicar.Guard{Kind: "quorum", MaxLease: vicar.Duration(maxLease), Fence: cmp.Or(s.fence, "required")}
	}
	return c
}

// instance is the router of a member that runs keepalived.
func (s shape) instance(m member) keepalived.Instance {
	return keepalived.Instance{
		Name: web, VRID: 51, Version: 3, Priority: m.priority, Interval: interval, Addresses: []netip.Prefix{moving},
	}
}

// newKey is a line of a key file.
func newKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it does not fail
	return base64.StdEncoding.EncodeToString(key)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"net/netip"
	"time"
)

// Service is a virtual service as it is configured.
type Service struct {
	// Virtual is what clients see. It has no destinations: they come of Servers.
	Virtual
	Plane   PlaneKind
	Servers []Server // by name
	// Sorry serves while the quorum is lost, instead of all servers, and is nil for
	// none. It has no checks.
	Sorry *Server
	// Quorum is the sum of weights that must be alive, 1 or more. The service gets
	// it at Quorum+Hysteresis and loses it below Quorum-Hysteresis, and at 0 in any
	// case.
	Quorum, Hysteresis int
	// Alpha: a server without a result is down; else it is up. Where the kernel has
	// servers of the service from an agent before, each stays as it is there, in or out, until
	// its first result.
	Alpha bool
	// Omega: at the stop the service's servers and its quorum are told as down.
	Omega bool
	// With is the router whose holder programs the service, while it holds; empty:
	// it is always programmed.
	With string
	// Keep leaves the service programmed at the agent's stop; else it is removed. One
	// with a router goes with the router all the same.
	Keep bool
	// DrainLimit is how long a drained server's connections may last until it is
	// removed; 0 is for good.
	DrainLimit time.Duration
}

// Server is a real server as it is configured. Its Weight is the full one.
type Server struct {
	Destination
	// Name is what people call it: its address and port as the configuration has
	// them. It is unique in the service.
	Name string
	// Checks are the names of its checks, all of which must pass; none: it is up.
	Checks []string
	// Inhibit gives it weight 0 while it is down instead of removing it: its
	// connections go on.
	Inhibit bool
	// SlowStart is how long its weight takes to rise from 1 to the full one after
	// it has come up; 0 is at once.
	SlowStart time.Duration
}

// Virtual is a service as a Plane programs it.
type Virtual struct {
	Name      string
	Frontends []Frontend // never empty
	Scheduler Scheduler
	// Fallback and Port are flags of SH and MH: a server with weight 0 is replaced by
	// another, and the client's port counts too.
	Fallback, Port bool
	// OnePacket schedules each packet by itself (UDP).
	OnePacket   bool
	Persistence Persistence
	// Destinations by address. One with weight 0 gets no new connections.
	Destinations []Destination
}

// Frontend is where clients connect to: addresses and ports, or a firewall mark.
type Frontend struct {
	Protocol Protocol // zero with a mark
	// First to Last, both included, of one family; the same for a single one. The
	// ports too; 0 to 0 is every port, for which IPVS needs persistence.
	First, Last         netip.Addr
	FirstPort, LastPort uint16
	// Mark, if it is not 0, stands for the rest: packets of Family (4 or 6) that
	// somebody else has marked so.
	Mark   uint32
	Family int
}

// Protocol is an IP protocol number.
type Protocol uint8

// The protocols that are balanced.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// Persistence sends a client to the server that it was sent to before. Zero is none.
type Persistence struct {
	// Timeout, in whole seconds, counts since the client's last connection has ended;
	// with nftables since it has begun.
	Timeout time.Duration
	// Prefix4 and Prefix6 are how much of a client's address counts; 32 and 128 for
	// each by itself.
	Prefix4, Prefix6 int
}

// Destination is a server as a Plane programs it.
type Destination struct {
	// Address has port 0 where the server is to get packets at the port that the
	// client wrote to.
	Address netip.AddrPort
	Weight  int // 0 to 65535
	Forward Forward
	Tunnel  Tunnel // of Encap
	// Upper is how many connections it has at most; at Lower it gets new ones again.
	// 0 is no limit.
	Upper, Lower uint32
}

// Forward is how packets get to a server.
type Forward uint8

// The ways of forwarding.
const (
	NAT    Forward = iota // the destination is rewritten; answers come back through here
	Direct                // to the server's link-layer address: it has the service's address too
	Encap                 // in a Tunnel; as with Direct
)

// Tunnel is what Encap packs packets into.
type Tunnel struct {
	Kind TunnelKind
	Port uint16 // of GUE
	// Checksum protects the outer header (GUE, GRE).
	Checksum bool
}

// TunnelKind is a format of tunnels.
type TunnelKind uint8

// The kinds of tunnels.
const (
	IPIP TunnelKind = iota
	GUE
	GRE
)

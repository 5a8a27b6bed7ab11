// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Scheduler is IPVS's name of how a server is chosen.
type Scheduler string

// The schedulers.
const (
	RR   Scheduler = "rr"   // each in turn
	WRR  Scheduler = "wrr"  // each in turn, by weight
	LC   Scheduler = "lc"   // the one with the fewest connections
	WLC  Scheduler = "wlc"  // the same by weight
	SH   Scheduler = "sh"   // by the client's address
	MH   Scheduler = "mh"   // the same, and a change of servers moves few clients (Maglev)
	DH   Scheduler = "dh"   // by the service's address
	SED  Scheduler = "sed"  // shortest expected delay
	NQ   Scheduler = "nq"   // an idle one, else as sed
	LBLC Scheduler = "lblc" // fewest connections, by the service's address
	OVF  Scheduler = "ovf"  // the heaviest that is not full, by its weight
	FO   Scheduler = "fo"   // the heaviest that is up
)

// Schedulers are all of them.
var Schedulers = []Scheduler{RR, WRR, LC, WLC, SH, MH, DH, SED, NQ, LBLC, OVF, FO}

// PlaneKind is what balances.
type PlaneKind string

// The planes.
const (
	IPVS     PlaneKind = "ipvs"
	NFTables PlaneKind = "nftables"
)

// String is the protocol as the configuration has it.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	default:
		return "protocol " + strconv.Itoa(int(p))
	}
}

// String is the way of forwarding as the configuration has it.
func (f Forward) String() string {
	switch f {
	case NAT:
		return "nat"
	case Direct:
		return "direct"
	default:
		return "tunnel"
	}
}

// String is the format as the configuration has it.
func (k TunnelKind) String() string {
	switch k {
	case IPIP:
		return "ipip"
	case GUE:
		return "gue"
	default:
		return "gre"
	}
}

// String is the frontend as the configuration has it: 192.0.2.100:80/tcp,
// 192.0.2.100-192.0.2.110:8000-8010/udp, mark 7.
func (f Frontend) String() string {
	if f.Mark != 0 {
		return fmt.Sprintf("mark %d (IPv%d)", f.Mark, f.Family)
	}
	port := strconv.Itoa(int(f.FirstPort))
	switch {
	case f.FirstPort == 0:
		port = "*"
	case f.LastPort != f.FirstPort:
		port += "-" + strconv.Itoa(int(f.LastPort))
	}
	host := f.First.String()
	if f.Last != f.First {
		host += "-" + f.Last.String()
	}
	return net.JoinHostPort(host, port) + "/" + f.Protocol.String()
}

// Is4 tells whether the frontend is IPv4's.
func (f Frontend) Is4() bool {
	if f.Mark != 0 {
		return f.Family == 4
	}
	return f.First.Is4()
}

// Single is the frontend of one address and port.
func Single(p Protocol, a netip.AddrPort) Frontend {
	return Frontend{Protocol: p, First: a.Addr(), Last: a.Addr(), FirstPort: a.Port(), LastPort: a.Port()}
}

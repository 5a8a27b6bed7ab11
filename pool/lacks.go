// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"net/netip"
	"time"
)

// The most that planes take of one service.
const (
	// MaxExpanded is how many services of IPVS, one per address and port, the
	// frontends of one service may come to.
	MaxExpanded = 4096
	// MaxServers is how many servers of one family a service of nftables may have.
	MaxServers = 1024
)

// Lack is something that a plane can't do for a service.
type Lack struct {
	// Setting is the setting of the configuration that asks for it: listen, scheduler,
	// forward, one_packet, persistence, upper, lower, servers.
	Setting string
	// Listen is the frontend's place in the service's list if Setting is listen.
	Listen int
	// Server is whose setting it is, empty for the service's own.
	Server string
	// Reason says what can't be done, Remedy what to do instead. Both for people.
	Reason, Remedy string
}

// Lacks are what the plane can't do of what the service asks for, and which no kernel
// could. What a kernel lacks the Plane tells.
func (k PlaneKind) Lacks(s Service) []Lack {
	lacks := s.lacksOfAny()
	if k == NFTables {
		return append(lacks, s.lacksOfNFTables()...)
	}
	return append(lacks, s.lacksOfIPVS()...)
}

// each calls f for each server, the sorry server included.
func (s Service) each(f func(Server)) {
	for _, r := range s.Servers {
		f(r)
	}
	if s.Sorry != nil {
		f(*s.Sorry)
	}
}

// family tells whether the service has a frontend of the address's family.
func (s Service) family(a netip.Addr) bool {
	for _, f := range s.Frontends {
		if f.Is4() == a.Is4() {
			return true
		}
	}
	return false
}

// lacksOfAny are what neither plane can.
func (s Service) lacksOfAny() []Lack {
	var out []Lack
	s.each(func(r Server) {
		if r.Forward != Encap && !s.family(r.Address.Addr()) {
			out = append(out, Lack{
				Setting: "servers", Server: r.Name,
				Reason: "the service listens on no address of this family, and addresses can't be rewritten to another one",
				Remedy: "listen on an address of the family too, or tunnel (plane ipvs)",
			})
		}
	})
	if t := s.Persistence.Timeout; t%time.Second != 0 {
		out = append(out, Lack{Setting: "persistence", Reason: fmt.Sprintf("%v is not a whole number of seconds", t), Remedy: "round it"})
	}
	return out
}

// lacksOfNFTables are what pool/nft can't do.
func (s Service) lacksOfNFTables() []Lack {
	const remedy = "use plane: ipvs"
	var out []Lack
	switch s.Scheduler {
	case RR, WRR, SH, MH, DH, FO:
	default:
		out = append(out, Lack{
			Setting: "scheduler", Reason: fmt.Sprintf("nftables does not know how many connections a server has, which %s goes by", s.Scheduler),
			Remedy: "use rr, wrr, sh, mh, dh or fo, or plane: ipvs",
		})
	}
	if s.OnePacket {
		out = append(out, Lack{Setting: "one_packet", Reason: "nftables balances flows, not packets", Remedy: remedy})
	}
	port, none := false, false
	var four, six int
	s.each(func(r Server) {
		if r.Forward != NAT {
			out = append(out, Lack{Setting: "forward", Server: r.Name, Reason: "nftables rewrites addresses only (nat)", Remedy: "use forward: nat, or plane: ipvs"})
		}
		if r.Upper != 0 {
			out = append(out, Lack{Setting: "upper", Server: r.Name, Reason: "nftables does not count a server's connections", Remedy: remedy})
		}
		if r.Lower != 0 {
			out = append(out, Lack{Setting: "lower", Server: r.Name, Reason: "nftables does not count a server's connections", Remedy: remedy})
		}
		port, none = port || r.Address.Port() != 0, none || r.Address.Port() == 0
		if r.Address.Addr().Is4() {
			four++
		} else {
			six++
		}
	})
	if port && none {
		out = append(out, Lack{Setting: "servers", Reason: "some servers have a port and some have not", Remedy: "give all of them one, or none"})
	}
	if max(four, six) > MaxServers {
		out = append(out, Lack{
			Setting: "servers", Reason: fmt.Sprintf("nftables has room for %d servers of a family", MaxServers), Remedy: "make more services of it, or " + remedy,
		})
	}
	return out
}

// lacksOfIPVS are what pool/ipvs can't do.
func (s Service) lacksOfIPVS() []Lack {
	var out []Lack
	expanded := uint64(0)
	for i, f := range s.Frontends {
		expanded += f.expanded()
		switch {
		case f.Mark != 0:
		case f.FirstPort == 0 && s.Persistence.Timeout == 0:
			out = append(out, Lack{
				Setting: "listen", Listen: i, Reason: "IPVS balances all ports of an address with persistence only",
				Remedy: "set persistence, name the ports, mark the packets with a firewall and listen on the mark, or use plane: nftables",
			})
		}
		if s.OnePacket && f.Mark == 0 && f.Protocol != UDP {
			out = append(out, Lack{Setting: "one_packet", Reason: fmt.Sprintf("%s is not UDP, of which alone IPVS balances single packets", f), Remedy: "remove it, or split the service"})
		}
	}
	if expanded > MaxExpanded {
		out = append(out, Lack{
			Setting: "listen", Reason: fmt.Sprintf("IPVS has no ranges: the frontends come to %d addresses and ports, more than %d", expanded, MaxExpanded),
			Remedy: "mark the packets with a firewall and listen on the mark, or use plane: nftables",
		})
	}
	s.each(func(r Server) {
		if r.Forward == NAT || r.Address.Port() == 0 {
			return
		}
		for _, f := range s.Frontends {
			if f.Mark == 0 && (f.FirstPort != r.Address.Port() || f.LastPort != r.Address.Port()) {
				out = append(out, Lack{
					Setting: "servers", Server: r.Name,
					Reason: fmt.Sprintf("forward: %s changes no packet, so the server gets what is sent to %s at that port", r.Forward, f),
					Remedy: "give the server the port of the service, or use forward: nat",
				})
				return
			}
		}
	})
	return out
}

// expanded is how many addresses and ports the frontend has, or more than anybody
// asks for.
func (f Frontend) expanded() uint64 {
	if f.Mark != 0 {
		return 1
	}
	addrs := uint64(0)
	for a := f.First; a.IsValid() && a.Compare(f.Last) <= 0 && addrs <= 1<<16; a = a.Next() {
		addrs++
	}
	return addrs * (uint64(f.LastPort) - uint64(f.FirstPort) + 1)
}

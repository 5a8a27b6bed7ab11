// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"fmt"
	"net/netip"

	"github.com/vicar-ha/vicar/pool"
)

// stranger is a way of forwarding, or a format of tunnels, that vicar doesn't
// program.
const stranger = 0xff

// server is a destination as the kernel has it.
type server struct {
	pool.Destination
	active, inactive uint64
	total            uint64
}

// normal is a destination without what doesn't matter to it, so that two that
// work alike are equal.
func normal(d pool.Destination) pool.Destination {
	if d.Forward != pool.Encap {
		d.Tunnel = pool.Tunnel{}
	}
	if d.Tunnel.Kind != pool.GUE {
		d.Tunnel.Port = 0
	}
	if d.Tunnel.Kind == pool.IPIP {
		d.Tunnel.Checksum = false
	}
	return d
}

// destinations are those of the service's that serve a frontend of the family, each
// once: those of the family itself, and of the other one those that are reached by
// tunnel.
func destinations(v pool.Virtual, family uint16) []pool.Destination {
	seen := make(map[netip.AddrPort]bool, len(v.Destinations))
	out := make([]pool.Destination, 0, len(v.Destinations))
	for _, d := range v.Destinations {
		if seen[d.Address] || d.Forward != pool.Encap && familyOf(d.Address.Addr()) != family {
			continue
		}
		seen[d.Address] = true
		out = append(out, normal(d))
	}
	return out
}

// familyOf is the address's family.
func familyOf(a netip.Addr) uint16 {
	if a.Is4() {
		return family4
	}
	return family6
}

// serverCommand is newServer, setServer or deleteServer.
func serverCommand(id uint8, k key, d pool.Destination) command {
	b := appendNested(nil, attrService, k.append)
	return command{id, appendNested(b, attrServer, func(b []byte) []byte {
		addr := d.Address.Addr()
		b = appendBytes(b, serverAddress, addr.AsSlice()...)
		b = appendPort(b, serverPort, d.Address.Port())
		b = append16(b, serverFamily, familyOf(addr))
		if id == deleteServer {
			return b
		}
		b = append32(b, serverForward, forwarding(d.Forward))
		b = append32(b, serverWeight, uint32(d.Weight))
		b = append32(b, serverUpper, d.Upper)
		b = append32(b, serverLower, d.Lower)
		b = appendBytes(b, serverTunnel, byte(d.Tunnel.Kind))
		b = appendPort(b, serverTunnelPort, d.Tunnel.Port)
		return append16(b, serverTunnelFlags, tunnelFlags(d.Tunnel))
	})}
}

func forwarding(f pool.Forward) uint32 {
	switch f {
	case pool.NAT:
		return forwardNAT
	case pool.Direct:
		return forwardDirect
	default:
		return forwardTunnel
	}
}

func parseForwarding(v uint32) pool.Forward {
	switch v & forwardMask {
	case forwardNAT:
		return pool.NAT
	case forwardDirect:
		return pool.Direct
	case forwardTunnel:
		return pool.Encap
	default:
		return stranger
	}
}

func tunnelFlags(t pool.Tunnel) uint16 {
	if t.Checksum {
		return tunnelChecksum
	}
	return 0
}

// parseServer reads an answer to getServer for a service of the family.
func parseServer(as attributes, family uint16) (server, bool) {
	var s server
	var addr value
	var port uint16
	var total64 bool
	for kind, v := range as.nested(attrServer).all {
		switch kind {
		case serverAddress:
			addr = v
		case serverPort:
			port = v.port()
		case serverFamily:
			family = v.u16()
		case serverForward:
			s.Forward = parseForwarding(v.u32())
		case serverWeight:
			s.Weight = int(int32(v.u32()))
		case serverUpper:
			s.Upper = v.u32()
		case serverLower:
			s.Lower = v.u32()
		case serverTunnel:
			s.Tunnel.Kind = pool.TunnelKind(v.u8())
		case serverTunnelPort:
			s.Tunnel.Port = v.port()
		case serverTunnelFlags:
			s.Tunnel.Checksum = v.u16() == tunnelChecksum
			if v.u16() > tunnelChecksum {
				s.Tunnel.Kind = stranger
			}
		case serverActive:
			s.active = uint64(v.u32())
		case serverInactive:
			s.inactive = uint64(v.u32())
		case serverStats:
			if !total64 { // with 32 bits it begins again at 0
				s.total = uint64(connections(v).u32())
			}
		case serverStats64:
			total64, s.total = true, connections(v).u64()
		}
	}
	s.Address = netip.AddrPortFrom(addr.addr(family), port)
	s.Destination = normal(s.Destination)
	return s, s.Address.IsValid()
}

// connections is the count of them in statistics.
func connections(stats value) value {
	for kind, v := range attributes(stats).all {
		if kind == statsConnections {
			return v
		}
	}
	return nil
}

// difference tells how a destination differs from what it should be, for people.
func difference(have, want pool.Destination) string {
	at := want.Address
	switch {
	case have.Weight != want.Weight:
		return fmt.Sprintf("%v has weight %d, not %d", at, have.Weight, want.Weight)
	case have.Forward == stranger:
		return fmt.Sprintf("%v gets its packets in another way than %v", at, want.Forward)
	case have.Forward != want.Forward:
		return fmt.Sprintf("%v gets its packets by %v, not by %v", at, have.Forward, want.Forward)
	case have.Tunnel != want.Tunnel:
		return fmt.Sprintf("%v has another tunnel", at)
	default:
		return fmt.Sprintf("%v has other thresholds", at)
	}
}

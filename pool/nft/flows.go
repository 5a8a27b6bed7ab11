// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// The attributes and bits of ctnetlink that are needed here: linux/netfilter/
// nfnetlink_conntrack.h, nf_conntrack_common.h and nf_conntrack_tcp.h.
const (
	ctGet, ctDelete = 1, 2 // IPCTNL_MSG_CT_*

	ctTupleOrig, ctTupleReply, ctStatus, ctProtoInfo = 1, 2, 3, 4
	ctID, ctZone, ctFilter, ctStatusMask             = 12, 18, 25, 26

	ctTupleIP, ctTupleProto      = 1, 2
	ctV4Src, ctV4Dst             = 1, 2
	ctV6Src, ctV6Dst             = 3, 4
	ctProtoNum                   = 1
	ctProtoSrc, ctProtoDst       = 2, 3
	ctFilterOrig, filterProtoNum = 1, 1 << 3
	ctInfoTCP, ctTCPState        = 1, 1
	ctInfoSCTP, ctSCTPState      = 3, 1
	translated                   = 1 << 5 // IPS_DST_NAT
	tcpEstablished               = 3
	sctpEstablished              = 4
)

// flow is an entry of connection tracking.
type flow struct {
	protocol pool.Protocol
	to       netip.AddrPort // where the client wrote to
	server   netip.AddrPort // who answers
	status   uint32
	state    uint8 // of TCP or SCTP
	original []byte
	id, zone []byte
}

// flows calls f for all entries of a family, or of UDP only.
func (r *raw) flows(family uint8, udp bool, f func(*flow)) error {
	req := r.request(unix.NFNL_SUBSYS_CTNETLINK, ctGet, unix.NLM_F_DUMP, family)
	if udp {
		// Kernels before 5.8 do not know the filter and tell all.
		filter := nl.NewRtAttr(ctFilter|unix.NLA_F_NESTED, nil)
		filter.AddRtAttr(ctFilterOrig, nl.Uint32Attr(filterProtoNum))
		req.AddData(filter)
		tuple := nl.NewRtAttr(ctTupleOrig|unix.NLA_F_NESTED, nil)
		tuple.AddRtAttr(ctTupleProto|unix.NLA_F_NESTED, nil).AddRtAttr(ctProtoNum, []byte{unix.IPPROTO_UDP})
		req.AddData(tuple)
	} else {
		// Those without a translated destination are nobody's.
		req.AddData(nl.NewRtAttr(ctStatus, nl.BEUint32Attr(translated)))
		req.AddData(nl.NewRtAttr(ctStatusMask, nl.BEUint32Attr(translated)))
	}
	err := req.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(msg []byte) bool {
		e := parseFlow(msg)
		if !udp || e.protocol == pool.UDP {
			f(&e)
		}
		return true
	})
	// A table that changes while it is read may be told incompletely; so it always is.
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return fmt.Errorf("reading the table of connections (is the module nf_conntrack_netlink loaded?): %w", err)
	}
	return nil
}

// parseFlow is a message's entry.
func parseFlow(msg []byte) flow {
	var e flow
	each(msg, func(kind uint16, value []byte) {
		switch kind {
		case ctTupleOrig:
			e.original = value
			_, e.to, e.protocol = parseTuple(value)
		case ctTupleReply:
			e.server, _, _ = parseTuple(value)
		case ctStatus:
			if len(value) == 4 {
				e.status = binary.BigEndian.Uint32(value)
			}
		case ctProtoInfo:
			nested(value, func(kind uint16, value []byte) {
				nested(value, func(inner uint16, value []byte) {
					if (kind == ctInfoTCP && inner == ctTCPState || kind == ctInfoSCTP && inner == ctSCTPState) && len(value) == 1 {
						e.state = value[0]
					}
				})
			})
		case ctID:
			e.id = value
		case ctZone:
			e.zone = value
		}
	})
	return e
}

// parseTuple is a tuple's source and destination.
func parseTuple(b []byte) (src, dst netip.AddrPort, protocol pool.Protocol) {
	var from, to netip.Addr
	var fromPort, toPort uint16
	nested(b, func(kind uint16, value []byte) {
		nested(value, func(inner uint16, value []byte) {
			switch {
			case kind == ctTupleIP && (inner == ctV4Src || inner == ctV6Src):
				from, _ = netip.AddrFromSlice(value)
			case kind == ctTupleIP && (inner == ctV4Dst || inner == ctV6Dst):
				to, _ = netip.AddrFromSlice(value)
			case kind == ctTupleProto && inner == ctProtoNum && len(value) == 1:
				protocol = pool.Protocol(value[0])
			case kind == ctTupleProto && inner == ctProtoSrc && len(value) == 2:
				fromPort = binary.BigEndian.Uint16(value)
			case kind == ctTupleProto && inner == ctProtoDst && len(value) == 2:
				toPort = binary.BigEndian.Uint16(value)
			}
		})
	})
	return netip.AddrPortFrom(from, fromPort), netip.AddrPortFrom(to, toPort), protocol
}

// forget removes an entry. One that is gone already is no error.
func (r *raw) forget(family uint8, e *flow) error {
	req := r.request(unix.NFNL_SUBSYS_CTNETLINK, ctDelete, unix.NLM_F_ACK, family)
	req.AddData(nl.NewRtAttr(ctTupleOrig|unix.NLA_F_NESTED, e.original))
	if e.id != nil {
		req.AddData(nl.NewRtAttr(ctID, e.id))
	}
	if e.zone != nil {
		req.AddData(nl.NewRtAttr(ctZone, e.zone))
	}
	if _, err := req.Execute(unix.NETLINK_NETFILTER, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing a connection: %w", err)
	}
	return nil
}

// sweep removes the flows of UDP that go where their service does not send any more,
// or have been going past it: the next packet is balanced.
func (p *Plane) sweep(ctx context.Context, c *change) error {
	for _, f := range families() {
		s := &swept{at: newFrontends(), servers: map[string]map[netip.AddrPort]bool{}, gone: map[netip.AddrPort]bool{}}
		for i := range c.services {
			s.add(&c.services[i], f)
		}
		if s.none() {
			continue
		}
		var list []flow
		err := p.raw.flows(f.proto, true, func(e *flow) {
			if s.stale(e) {
				list = append(list, *e)
			}
		})
		if err != nil {
			return fmt.Errorf("all is programmed, but flows of UDP stay with servers that are gone: %w", err)
		}
		for i := range list {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("removing flows of UDP: %w", err)
			}
			if err := p.raw.forget(f.proto, &list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// swept is what decides which flows of UDP are stale.
type swept struct {
	at      *frontends
	servers map[string]map[netip.AddrPort]bool // by service
	gone    map[netip.AddrPort]bool            // of services by mark
}

// none tells whether no flow can be stale.
func (s *swept) none() bool { return s.at.empty() && len(s.gone) == 0 }

// add adds a service, if it has flows of UDP that may be stale now: a server is gone,
// or it was not there before.
func (s *swept) add(c *serviceChange, f family) {
	name := c.virtual.Name
	had := map[string]bool{}
	if set := c.before.sets[f.identifier("servers", name)]; set != nil {
		for e := range set.elements {
			had[e.key] = true
		}
	}
	servers := map[netip.AddrPort]bool{}
	if c.want != nil {
		for _, d := range c.virtual.Destinations {
			delete(had, endpoint(d.Address))
			servers[d.Address] = true
		}
	}
	if len(had) == 0 && c.fronts == 0 {
		return
	}
	s.servers[name] = servers
	for _, front := range c.virtual.Frontends {
		switch {
		case front.Is4() != (f.words == 1):
		case front.Mark != 0:
			for key := range had {
				if a, ok := server(key); ok {
					s.gone[a] = true
				}
			}
		case front.Protocol == pool.UDP:
			s.at.add(name, front)
		}
	}
}

// stale tells whether a flow goes where it should not.
func (s *swept) stale(e *flow) bool {
	if name, ok := s.at.find(e.protocol, e.to); ok {
		return !serves(s.servers[name], e)
	}
	return e.status&translated != 0 && serves(s.gone, e)
}

// serves tells whether the flow's server is one of some, which may have no port.
func serves(servers map[netip.AddrPort]bool, e *flow) bool {
	return servers[e.server] || servers[netip.AddrPortFrom(e.server.Addr(), 0)]
}

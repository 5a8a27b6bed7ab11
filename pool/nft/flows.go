// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
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
	answered                     = 1 << 1 // IPS_SEEN_REPLY
	translated                   = 1 << 5 // IPS_DST_NAT
	tcpEstablished               = 3
	tcpTimeWait, tcpClose        = 7, 8
	sctpClosed, sctpEstablished  = 1, 4
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

// kind is which entries are read.
type kind uint8

const (
	sent  kind = iota // those with a translated destination; others are nobody's
	lost              // those without, that nobody has answered
	ofUDP             // all of UDP
)

// has tells whether an entry is of the kind.
func (k kind) has(e *flow) bool {
	switch k {
	case sent:
		return e.status&translated != 0
	case lost:
		return e.status&(translated|answered) == 0
	default:
		return e.protocol == pool.UDP
	}
}

// filter makes the kernel tell what is of the kind. Those that do not know it (before 5.8) tell all.
func (k kind) filter(req *nl.NetlinkRequest) {
	switch k {
	case sent:
		req.AddData(nl.NewRtAttr(ctStatus, nl.BEUint32Attr(translated)))
		req.AddData(nl.NewRtAttr(ctStatusMask, nl.BEUint32Attr(translated)))
	case lost:
		req.AddData(nl.NewRtAttr(ctStatus, nl.BEUint32Attr(0)))
		req.AddData(nl.NewRtAttr(ctStatusMask, nl.BEUint32Attr(translated|answered)))
	default:
		filter := nl.NewRtAttr(ctFilter|unix.NLA_F_NESTED, nil)
		filter.AddRtAttr(ctFilterOrig, nl.Uint32Attr(filterProtoNum))
		req.AddData(filter)
		tuple := nl.NewRtAttr(ctTupleOrig|unix.NLA_F_NESTED, nil)
		tuple.AddRtAttr(ctTupleProto|unix.NLA_F_NESTED, nil).AddRtAttr(ctProtoNum, []byte{unix.IPPROTO_UDP})
		req.AddData(tuple)
	}
}

// flows calls f for all entries of a family and kind.
func (r *raw) flows(family uint8, k kind, f func(*flow)) error {
	req := r.request(unix.NFNL_SUBSYS_CTNETLINK, ctGet, unix.NLM_F_DUMP, family)
	k.filter(req)
	err := req.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(msg []byte) bool {
		if e := parseFlow(msg); k.has(&e) {
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

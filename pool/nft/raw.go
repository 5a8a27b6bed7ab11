// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// raw is a socket for what the library of nftables has no functions for: the generation
// number, and connection tracking.
type raw struct {
	socket *nl.NetlinkSocket
	handle *nl.SocketHandle
	held   bool // it owns the table that keeps connections
	others bool // another one does
}

// openRaw opens one in the calling thread's network namespace.
func openRaw() (*raw, error) {
	s, err := nl.Subscribe(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("opening nfnetlink: %w", err)
	}
	if err := s.SetReceiveBufferSize(buffer, true); err != nil {
		s.Close()
		return nil, fmt.Errorf("giving nfnetlink a buffer: %w", err)
	}
	// The kernel answers at once; if ever not, it is not waited for.
	if err := s.SetReceiveTimeout(&unix.Timeval{Sec: 10}); err != nil {
		s.Close()
		return nil, fmt.Errorf("giving nfnetlink a time limit: %w", err)
	}
	return &raw{socket: s, handle: &nl.SocketHandle{Socket: s}}, nil
}

// request is a message of a subsystem of nfnetlink.
func (r *raw) request(subsystem, message, flags int, family uint8) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(subsystem<<8|message, flags)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: r.handle}
	req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
	return req
}

// generation is the number of the kernel's nftables rules: each transaction of
// anybody's in this network namespace makes it one more.
func (r *raw) generation() (uint32, error) {
	var out uint32
	req := r.request(unix.NFNL_SUBSYS_NFTABLES, unix.NFT_MSG_GETGEN, 0, unix.NFPROTO_UNSPEC)
	err := req.ExecuteIter(unix.NETLINK_NETFILTER, 0, func(msg []byte) bool {
		each(msg, func(kind uint16, value []byte) {
			if kind == unix.NFTA_GEN_ID && len(value) == 4 {
				out = binary.BigEndian.Uint32(value)
			}
		})
		return true
	})
	if err != nil {
		return 0, fmt.Errorf("asking nf_tables for its generation: %w", err)
	}
	return out, nil
}

// each calls f for each attribute of a message behind its header.
func each(msg []byte, f func(kind uint16, value []byte)) {
	if len(msg) >= nl.SizeofNfgenmsg {
		nested(msg[nl.SizeofNfgenmsg:], f)
	}
}

// nested calls f for each attribute. What is malformed ends it.
func nested(b []byte, f func(kind uint16, value []byte)) {
	const header, alignment, typeMask = 4, 4, 0x3fff
	for len(b) >= header {
		length := int(binary.NativeEndian.Uint16(b))
		if length < header || length > len(b) {
			return
		}
		f(binary.NativeEndian.Uint16(b[2:])&typeMask, b[header:length])
		b = b[min(len(b), (length+alignment-1)&^(alignment-1)):]
	}
}

// Close closes the socket.
func (r *raw) Close() { r.socket.Close() }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab"
)

// patience is how long an echo may take. What the kernel kept while it
// resolved an address and sent later is no service.
const patience = 100 * time.Millisecond

// ICMP and ICMPv6 types (RFC 792, RFC 4443 section 4).
const (
	echo4, reply4 = 8, 0
	echo6, reply6 = 128, 129
)

// echoLen is an echo's header and its number.
const echoLen = 8 + 4

// Client asks an address for an echo through a host's kernel.
type Client struct {
	sock   *socket
	target unix.Sockaddr
	is6    bool
	packet [echoLen]byte
	track  track
	last   atomic.Int64
}

// Client adds a probe of target from the host.
func (s *Session) Client(h *lab.Host, target netip.Addr) (*Client, error) {
	s.ids++
	c := &Client{is6: target.Is6(), track: newTrack(s.room())}
	binary.BigEndian.PutUint16(c.packet[4:], s.ids)
	family, proto := unix.AF_INET, unix.IPPROTO_ICMP
	if c.is6 {
		family, proto = unix.AF_INET6, unix.IPPROTO_ICMPV6
		c.target = &unix.SockaddrInet6{Addr: target.As16()}
		c.packet[0] = echo6
	} else {
		c.target = &unix.SockaddrInet4{Addr: target.As4()}
		c.packet[0] = echo4
	}
	err := h.Do(func() (err error) {
		c.sock, err = openSocket(family, unix.SOCK_RAW, proto, echoFilter(c.is6, s.ids))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("probing %s from %s: %w", target, h.Name, err)
	}
	s.probers = append(s.probers, c)
	return c, nil
}

// echoFilter passes the replies to the client with this identifier. A raw
// socket's packet begins with the IP header in IPv4, after it in IPv6.
func echoFilter(is6 bool, id uint16) []bpf.Instruction {
	start, kind := bpf.Instruction(bpf.LoadMemShift{Off: 0}), uint32(reply4)
	if is6 {
		start, kind = bpf.LoadConstant{Dst: bpf.RegX, Val: 0}, reply6
	}
	return []bpf.Instruction{
		start,
		bpf.LoadIndirect{Off: 0, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: kind, SkipFalse: 3},
		bpf.LoadIndirect{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(id), SkipFalse: 1},
		bpf.RetConstant{Val: 128},
		bpf.RetConstant{Val: 0},
	}
}

// send implements prober.
func (c *Client) send(now time.Duration) {
	p := c.packet[:]
	binary.BigEndian.PutUint16(p[6:], uint16(c.track.sent()))
	binary.BigEndian.PutUint32(p[8:], uint32(c.track.sent()))
	p[2], p[3] = 0, 0
	if !c.is6 { // the kernel does ICMPv6's
		binary.BigEndian.PutUint16(p[2:], checksum(p, 0))
	}
	c.track.send(now)
	// What can't be sent is not answered either.
	_ = unix.Sendto(c.sock.fd, p, unix.MSG_DONTWAIT, c.target)
}

// drain implements prober.
func (c *Client) drain(stamps translator) {
	for {
		p, stamp := c.sock.receive()
		if p == nil {
			return
		}
		if !c.is6 && len(p) > 0 {
			p = p[min(len(p), int(p[0]&0xf)*4):]
		}
		if len(p) != echoLen {
			continue
		}
		at := stamps.at(stamp)
		if c.track.answer(binary.BigEndian.Uint32(p[8:]), at) {
			c.last.Store(int64(at))
		}
	}
}

// close implements prober.
func (c *Client) close() { c.sock.close() }

// Last is when the last answer came. It may be asked while the session runs.
func (c *Client) Last() time.Duration { return time.Duration(c.last.Load()) }

// Outages are the times within [from, to] without service that lasted longer
// than shortest, in order.
func (c *Client) Outages(from, to, shortest time.Duration) []Outage {
	return c.track.outages(from, to, shortest)
}

// Gap is the longest time between two questions of a span of time that were
// answered, or until its end. It is never zero, for the questions are some time apart.
func (c *Client) Gap(from, to time.Duration) Outage { return c.track.gap(from, to) }

// Worst is the longest outage within [from, to]; its duration is zero if no
// probe was lost.
func (c *Client) Worst(from, to time.Duration) Outage {
	var worst Outage
	for _, o := range c.Outages(from, to, 0) {
		if o.Duration() > worst.Duration() {
			worst = o
		}
	}
	return worst
}

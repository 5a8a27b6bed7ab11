// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package transport carries VRRP messages as raw IP packets of protocol 112,
// multicast or unicast, on one interface (RFC 9568 sections 5.1.1 and 5.1.2).
//
// A Conn is one socket of one address family. It gives every packet hop limit
// 255 and the source address it was opened with, and hands over what arrives
// together with the source, destination and hop limit, for the caller to judge:
// who may send, and how, differs from router to router. Only one thing is
// decided here, by a filter in the kernel, so that it costs the process
// nothing: messages of other virtual routers do not arrive. They are not
// counted either.
//
// Conn works on Linux. Elsewhere Open returns errors.ErrUnsupported.
package transport

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Config says what a Conn is opened on.
type Config struct {
	// Interface is the name of the interface that packets leave from and
	// arrive at.
	Interface string
	// Family is 4 or 6.
	Family int
	// Multicast says that the group of RFC 9568 must be joined. A unicast Conn
	// joins it too if it can, so that its user can count what is sent there
	// by mistake; and a multicast Conn gets unicast packets as well.
	Multicast bool
	// Source is the address that packets leave from: the interface's primary
	// IPv4 address, or for IPv6 multicast a link-local one, without zone.
	Source netip.Addr
	// VRIDs are the virtual routers whose messages arrive; AllVRIDs lets those of
	// all arrive.
	VRIDs    []uint8
	AllVRIDs bool
	// Gather is how long Receive leaves the first packet of a burst in the
	// socket, so that the rest is taken with it: many routers' adverts leave
	// their sender together, and each wake-up costs more than reading them. The
	// packets' Age tells what it has cost.
	Gather time.Duration
}

// Sizes for a batch to Send or Receive: more is allowed, but is done in parts
// of this size.
const (
	sendSlots     = 256
	receiveSlots4 = 256
	receiveSlots6 = 64
)

// The longest messages: 255 addresses, the password of version 2, and for
// IPv4 a header with options.
const (
	maxPacket4 = 60 + 8 + 255*4 + 8
	maxPacket6 = 8 + 255*16
)

// maxInterfaceName is the kernel's IFNAMSIZ without the final zero.
const maxInterfaceName = 15

func (c *Config) check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }

	if n := len(c.Interface); n == 0 || n > maxInterfaceName {
		fail("interface name %q: must have 1 to %d bytes", c.Interface, maxInterfaceName)
	}
	s := c.Source
	switch {
	case c.Family != 4 && c.Family != 6:
		fail("family %d: must be 4 or 6", c.Family)
	case !c.ours(s):
		fail("source address %v: must be an IPv%d address without zone", s, c.Family)
	case s.IsUnspecified() || s.IsMulticast():
		fail("source address %v: must be a host's address", s)
	case c.Family == 6 && c.Multicast && !s.IsLinkLocalUnicast():
		// RFC 9568 section 5.1.2.1.
		fail("source address %v: must be link-local for IPv6 multicast", s)
	}
	return errors.Join(errs...)
}

// ours tells whether a is of the Conn's family, as netip writes it there.
func (c *Config) ours(a netip.Addr) bool {
	if c.Family == 4 {
		return a.Is4()
	}
	return a.Is6() && !a.Is4In6() && a.Zone() == ""
}

// group is the multicast group of the Conn's family.
func (c *Config) group() netip.Addr {
	if c.Family == 4 {
		return wire.Group4
	}
	return wire.Group6
}

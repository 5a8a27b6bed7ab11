// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// What linux/netconf.h numbers.
const (
	netconfIndex      = 1
	netconfForwarding = 2
	netconfAll        = -1
	netconfHeader     = 4 // bytes of a struct netconfmsg with its padding
)

// Forwards tells whether the network namespace of the calling thread forwards
// packets of a family, 4 or 6: of IPv4 those that come in by some interface at least.
// It needs no privilege, and no /proc/sys, which a service may not see.
func Forwards(family int) (bool, error) {
	code := uint8(unix.AF_INET)
	if family == 6 {
		code = unix.AF_INET6
	}
	req := nl.NewNetlinkRequest(unix.RTM_GETNETCONF, unix.NLM_F_DUMP)
	req.AddRawData([]byte{code, 0, 0, 0})
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNETCONF)
	if err != nil {
		return false, fmt.Errorf("asking whether IPv%d is forwarded: %w", family, err)
	}
	for _, m := range answers {
		index, on := netconf(m)
		// Linux forwards IPv6 as that of all interfaces says, IPv4 as each one says.
		if on && (index == netconfAll || index > 0 && family == 4) {
			return true, nil
		}
	}
	return false, nil
}

// netconf is what a message says of an interface, or of all.
func netconf(m []byte) (index int32, on bool) {
	if len(m) < netconfHeader {
		return 0, false
	}
	attrs, err := nl.ParseRouteAttr(m[netconfHeader:])
	if err != nil {
		return 0, false
	}
	for _, a := range attrs {
		if len(a.Value) < 4 {
			continue
		}
		switch value := binary.NativeEndian.Uint32(a.Value); a.Attr.Type {
		case netconfIndex:
			index = int32(value)
		case netconfForwarding:
			on = value != 0
		}
	}
	return index, on
}

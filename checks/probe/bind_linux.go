// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
)

// bindSocket makes a socket of b.Source's family leave from where b says.
func bindSocket(fd int, b checks.Bind) error {
	if b.Interface != "" {
		if err := unix.BindToDevice(fd, b.Interface); err != nil {
			return fmt.Errorf("binding to interface %s: %w", b.Interface, err)
		}
	}
	if b.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(b.Mark)); err != nil {
			return fmt.Errorf("setting the mark %#x: %w", b.Mark, err)
		}
	}
	if !b.Source.IsValid() {
		return nil
	}
	sa, err := sockaddr(b.Source, b.Interface)
	if err != nil {
		return err
	}
	// The port is chosen when the target is known, so that looks at different
	// targets can share one. Not of sockets without ports.
	_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	if err := unix.Bind(fd, sa); err != nil {
		return fmt.Errorf("binding to source %s: %w", b.Source, err)
	}
	return nil
}

// sockaddr is an address without a port. A link-local one without a zone is on
// the interface iface.
func sockaddr(a netip.Addr, iface string) (unix.Sockaddr, error) {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}, nil
	}
	sa := &unix.SockaddrInet6{Addr: a.As16()}
	zone := a.Zone()
	if zone == "" && a.IsLinkLocalUnicast() {
		zone = iface
	}
	if zone == "" {
		return sa, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		sa.ZoneId = uint32(n)
		return sa, nil
	}
	link, err := net.InterfaceByName(zone)
	if err != nil {
		return nil, fmt.Errorf("finding the interface of %s: %w", a, err)
	}
	sa.ZoneId = uint32(link.Index)
	return sa, nil
}

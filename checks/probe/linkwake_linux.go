// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// messageBuffer holds what the kernel says of an interface at once: at most a
// page, or 8 KiB.
const messageBuffer = 32 << 10

// Wake calls look when the kernel says something of the interface or the
// address (rtnetlink(7)).
func (p *interfaceProbe) Wake(ctx context.Context, look func()) error {
	events, err := p.subscribe()
	if err != nil {
		return fmt.Errorf("watching interface %s: %w", p.name, err)
	}
	defer events.Close()
	defer context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })()
	if ctx.Err() != nil {
		return nil
	}
	w := linkWatch{name: p.name, address: p.address}
	w.index, _ = readIndex(p.name) // there may be none yet
	look()
	buf := make([]byte, messageBuffer)
	for {
		n, err := events.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, unix.ENOBUFS): // some were lost
			look()
		case err != nil:
			return fmt.Errorf("watching interface %s: %w", p.name, err)
		case n == len(buf) || w.concerns(buf[:n]): // a full buffer lacks the rest
			look()
		}
	}
}

// subscribe opens a socket that the kernel's messages come to.
func (p *interfaceProbe) subscribe() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	groups := uint32(unix.RTMGRP_LINK)
	if p.address.Is4() {
		groups |= unix.RTMGRP_IPV4_IFADDR
	}
	if p.address.Is6() {
		groups |= unix.RTMGRP_IPV6_IFADDR
	}
	// Only the kernel may send to a bound group's members without privileges;
	// a message of another's could cause a look at most.
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("binding a netlink socket: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// linkWatch tells which messages matter.
type linkWatch struct {
	name    string
	address netip.Addr
	index   uint32 // of the interface that last had the name, or 0
}

// concerns tells whether one of the messages is about the interface or the
// address.
func (w *linkWatch) concerns(ms messages) bool {
	concerns := false
	for kind, body := range ms.all {
		switch kind {
		case unix.RTM_NEWLINK, unix.RTM_DELLINK:
			name, index, ok := parseLink(body)
			if name == w.name {
				w.index = index
			}
			// One that had the name may have been given another.
			concerns = concerns || ok && index == w.index
		case unix.RTM_NEWADDR, unix.RTM_DELADDR:
			a, ok := parseAddress(body)
			concerns = concerns || ok && a.address == w.address
		}
	}
	return concerns
}

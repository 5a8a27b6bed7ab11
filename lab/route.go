// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Route makes what the host sends or forwards to dst go by a neighbour,
// whatever it did before. What the host itself sends there comes from src, if
// that is valid.
func (h *Host) Route(dst netip.Prefix, via, src netip.Addr) error {
	return h.route(dst, func(r *netlink.Route) {
		r.Gw = via.AsSlice()
		if src.IsValid() {
			r.Src = src.AsSlice()
		}
	})
}

// Blackhole makes the host drop what is for dst, silently.
func (h *Host) Blackhole(dst netip.Prefix) error {
	return h.route(dst, func(r *netlink.Route) { r.Type = unix.RTN_BLACKHOLE })
}

func (h *Host) route(dst netip.Prefix, change func(*netlink.Route)) error {
	r := &netlink.Route{Dst: &net.IPNet{IP: dst.Addr().AsSlice(), Mask: net.CIDRMask(dst.Bits(), dst.Addr().BitLen())}}
	change(r)
	if err := h.space.handle.RouteReplace(r); err != nil {
		return fmt.Errorf("routing %s on %s: %w", dst, h.Name, err)
	}
	return nil
}

// devconfForwarding is IPV4_DEVCONF_FORWARDING (linux/ip.h).
const devconfForwarding = 1

// Forward makes the host a router: IPv4 packets that come in for others go on. It
// needs no /proc/sys, which may be read-only.
func (h *Host) Forward() error {
	link, err := h.space.handle.LinkByName(Interface)
	if err != nil {
		return fmt.Errorf("finding %s: %w", Interface, err)
	}
	err = h.space.run(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
		msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
		msg.Index = int32(link.Attrs().Index)
		req.AddData(msg)
		spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
		conf := spec.AddRtAttr(unix.AF_INET, nil).AddRtAttr(unix.IFLA_INET_CONF, nil)
		conf.AddRtAttr(devconfForwarding, nl.Uint32Attr(1))
		req.AddData(spec)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("making %s a router: %w", h.Name, err)
	}
	return nil
}

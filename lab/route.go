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

// Unroute takes back what Route or Blackhole has made of dst.
func (h *Host) Unroute(dst netip.Prefix) error {
	r := &netlink.Route{Dst: &net.IPNet{IP: dst.Addr().AsSlice(), Mask: net.CIDRMask(dst.Bits(), dst.Addr().BitLen())}}
	if err := h.space.handle.RouteDel(r); err != nil {
		return fmt.Errorf("removing the route to %s on %s: %w", dst, h.Name, err)
	}
	return nil
}

func (h *Host) route(dst netip.Prefix, change func(*netlink.Route)) error {
	r := &netlink.Route{Dst: &net.IPNet{IP: dst.Addr().AsSlice(), Mask: net.CIDRMask(dst.Bits(), dst.Addr().BitLen())}}
	change(r)
	if err := h.space.handle.RouteReplace(r); err != nil {
		return fmt.Errorf("routing %s on %s: %w", dst, h.Name, err)
	}
	return nil
}

// Local makes all addresses of dst the host's own, without their being on an
// interface: it takes packets for them and may send from them.
func (h *Host) Local(dst netip.Prefix) error {
	lo, err := h.space.handle.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	return h.route(dst, func(r *netlink.Route) {
		r.Type, r.Table, r.Scope, r.LinkIndex = unix.RTN_LOCAL, unix.RT_TABLE_LOCAL, netlink.SCOPE_HOST, lo.Attrs().Index
	})
}

// What linux/ip.h numbers after IPV4_DEVCONF_.
const (
	devconfForwarding  = 1
	devconfArpAnnounce = 18
	devconfArpIgnore   = 19
)

// Forward makes the host a router: IPv4 packets that come in for others go on.
func (h *Host) Forward() error {
	return h.devconf(map[int]uint32{devconfForwarding: 1})
}

// Hide makes the host answer ARP for the addresses on eth0 alone, not for Local ones:
// that of a balancer which sends it packets as they came.
func (h *Host) Hide() error {
	return h.devconf(map[int]uint32{devconfArpIgnore: 1, devconfArpAnnounce: 2})
}

// devconf sets options of eth0's IPv4. It needs no /proc/sys, which may be
// read-only.
func (h *Host) devconf(options map[int]uint32) error {
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
		for option, value := range options {
			conf.AddRtAttr(option, nl.Uint32Attr(value))
		}
		req.AddData(spec)
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("setting options of IPv4 on %s: %w", h.Name, err)
	}
	return nil
}

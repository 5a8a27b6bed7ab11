// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/netip"
	"slices"
	"strings"
)

// Internet is where packets come from that come from outside.
const Internet = "internet"

// Deliver tells who gets a packet now: one that an instance or a subnet sends, or
// that comes from the Internet to an Elastic IP. It is false where the packet is
// lost: nobody has the address, the route is a black hole, the receiver does not
// run, or its source/destination check drops what is not its own.
func (w *World) Deliver(from string, dst netip.Addr) (eni, instance string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	plane, now := w.packets(), w.current()
	if from == Internet {
		eni, ok = plane.fromOutside(dst)
	} else {
		eni, ok = plane.route(&w.region, plane.subnetOf(from), dst)
	}
	if !ok {
		return "", "", false
	}
	instance = plane.interfaces[eni].Instance
	// A machine that is off is off at once, whatever the network thinks.
	if now.instances[instance].State != Running || plane.instances[instance].State != Running {
		return "", "", false
	}
	return eni, instance, true
}

// subnetOf is where an instance's first interface is, or the subnet itself.
func (s *state) subnetOf(from string) string {
	if is := s.attached(from); len(is) > 0 {
		return is[0].Subnet
	}
	return from
}

// fromOutside finds whom an Elastic IP belongs to.
func (s *state) fromOutside(dst netip.Addr) (string, bool) {
	for _, a := range s.addresses {
		if a.Public == dst && a.association != "" {
			return a.Interface, true
		}
	}
	return "", false
}

// tableOf is the route table of a subnet: the one that names it, or its VPC's main
// one.
func (s *state) tableOf(r *region, subnet string) (RouteTable, bool) {
	var main RouteTable
	found := false
	for _, t := range s.tables {
		if slices.Contains(t.Subnets, subnet) {
			return t, true
		}
		if t.Main && t.VPC == r.subnets[subnet].VPC {
			main, found = t, true
		}
	}
	return main, found
}

// route finds the interface that a packet from a subnet reaches: the longest
// prefix says so.
func (s *state) route(r *region, subnet string, dst netip.Addr) (string, bool) {
	t, ok := s.tableOf(r, subnet)
	if !ok {
		return "", false
	}
	best := Route{}
	for _, route := range t.Routes {
		if route.Destination.Contains(dst) && (best.Target == "" || route.Destination.Bits() > best.Destination.Bits()) {
			best = route
		}
	}
	switch {
	case best.Target == "local":
		i, ok := s.holder(r, t.VPC, dst)
		return i.ID, ok
	case strings.HasPrefix(best.Target, "igw-"):
		return s.fromOutside(dst)
	case strings.HasPrefix(best.Target, "eni-"):
		i, ok := s.interfaces[best.Target]
		return i.ID, ok && s.lives(i.ID) && (i.NoCheck || slices.Contains(i.all(), dst))
	}
	return "", false
}

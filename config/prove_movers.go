// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// The least subnets of a VPC: who shares such a block with a node is in its
// subnet for certain.
const (
	leastSubnetIPv4 = 28
	leastSubnetIPv6 = 64
	// mostVPC is the greatest range of a VPC.
	mostVPC = 16
)

// byRoute checks a router of aws-route: its addresses are in no subnet, and there
// are tables to write them to.
func (r *reader) byRoute(raw *rawFile, c *Config, v *router) {
	if !v.Moves(MoveAWSRoute) {
		return
	}
	if tables := raw.AWS.RouteTables; !tables.present() && !raw.AWS.meant["route_tables"] {
		r.bad(v.mover(MoveAWSRoute), "aws-route does not know which route tables to write to",
			"add route_tables: [rtb-...] to aws, with those of all subnets from which the addresses are to be reached")
	}
	for _, p := range v.all() {
		if r.inSubnet(c, v, p) || r.inVPC(c, v, p) || p.IsSingleIP() {
			continue
		}
		single := netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
		r.warn(v.marks[p.Addr()], fmt.Sprintf("%s is in no subnet, and with this prefix length the host looks for its neighbours there on the link", p), "write "+single.String())
	}
}

// inSubnet refuses an address that is surely in a node's subnet: a VPC takes no
// route to a part of it.
func (r *reader) inSubnet(c *Config, v *router, p netip.Prefix) bool {
	bits := leastSubnetIPv4
	if p.Addr().Is6() {
		bits = leastSubnetIPv6
	}
	least := netip.PrefixFrom(p.Addr(), min(bits, p.Bits())).Masked()
	for _, n := range c.contenders() {
		for _, a := range n.Addresses {
			if least.Contains(a) {
				r.bad(v.marks[p.Addr()], fmt.Sprintf("%s is in the subnet of %s's %s: aws-route moves addresses outside the VPC alone, which no subnet has", p.Addr(), n.Name, a),
					"choose an address outside of all ranges of the VPC, or write aws-secondary-ip")
				return true
			}
		}
	}
	return false
}

// inVPC warns of an address between those of the nodes: the range that has them
// all has it, too.
func (r *reader) inVPC(c *Config, v *router, p netip.Prefix) bool {
	var all netip.Prefix
	for _, n := range c.contenders() {
		for _, a := range ofFamily(n.Addresses, 4) {
			all = around(all, a)
		}
	}
	if !p.Addr().Is4() || !all.IsValid() || all.Bits() < mostVPC || !all.Contains(p.Addr()) {
		return false
	}
	r.warn(v.marks[p.Addr()], fmt.Sprintf("%s is in %s, as all nodes are: probably it is in the VPC, which takes no route to a part of it", p.Addr(), all),
		"choose an address outside of all ranges of the VPC")
	return true
}

// around is the smallest block with p, if valid, and a.
func around(p netip.Prefix, a netip.Addr) netip.Prefix {
	if !p.IsValid() {
		return netip.PrefixFrom(a, a.BitLen())
	}
	for !p.Contains(a) {
		p = netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked()
	}
	return p
}

// bySecondary checks a router of aws-secondary-ip: its addresses and its nodes
// are in one subnet, as far as the prefix lengths tell.
func (r *reader) bySecondary(raw *rawFile, c *Config, v *router) {
	if !v.Moves(MoveAWSSecondaryIP) {
		return
	}
	if six := v.family(6); len(six) > 0 && !raw.AWS.IPv6.present() {
		r.bad(v.marks[six[0].Addr()], "EC2 can't move an IPv6 address from one interface to another in one step, as aws-secondary-ip does",
			"put "+addressList(six)+" into a router with move: [aws-route, kernel], as an address outside the VPC, and a sync group of the two; or write ipv6: assign in aws, and bear a gap")
	}
	for _, family := range []int{4, 6} {
		var first netip.Prefix
		for _, p := range v.family(family) {
			switch {
			case p.IsSingleIP(): // it tells nothing of the subnet
			case first.IsValid() && !first.Overlaps(p.Masked()):
				r.bad(v.marks[p.Addr()], fmt.Sprintf("%s is in another subnet than %s on line %d, and an interface in AWS is in one", p, first.Addr(), v.marks[first.Addr()].line),
					"make two routers, each with the interface of its subnet")
			default:
				if !first.IsValid() {
					first = p
				}
				r.keptByAWS(v, p)
				r.nodesIn(c, v, p)
			}
		}
	}
}

// keptByAWS refuses those addresses of a subnet that no host gets: the first four
// and the last.
func (r *reader) keptByAWS(v *router, p netip.Prefix) {
	if !p.Addr().Is4() || p.Bits() > leastSubnetIPv4 {
		return
	}
	a := p.Masked().Addr()
	for range 4 {
		if a == p.Addr() {
			r.bad(v.marks[a], fmt.Sprintf("%s is one of the first four addresses of %s, which AWS keeps", a, p.Masked()), "choose another")
		}
		a = a.Next()
	}
}

// nodesIn checks that each node has an address in the subnet, where it has one of
// the family at all.
func (r *reader) nodesIn(c *Config, v *router, p netip.Prefix) {
	for _, n := range c.contenders() {
		own := ofFamily(n.Addresses, familyOf(p.Addr()))
		if len(own) == 0 || slices.ContainsFunc(own, p.Contains) {
			continue
		}
		r.bad(v.marks[p.Addr()], fmt.Sprintf("%s is in another subnet than %s's %s: a secondary address moves within its subnet alone, and so within its availability zone", p, n.Name, own[0]),
			"write aws-route, with an address outside the VPC; or the subnet's own prefix length, if this is not it")
		return
	}
}

// byElasticIP checks a router of aws-eip: each address has an Elastic IP.
func (r *reader) byElasticIP(raw *rawFile, v *router) {
	if !v.Moves(MoveAWSEIP) {
		return
	}
	four, six := v.family(4), v.family(6)
	if len(six) > 0 {
		r.bad(v.marks[six[0].Addr()], "aws-eip can't move "+addressList(six)+": Elastic IPs are IPv4",
			"put IPv6 addresses into a router of their own, with move: [aws-route, kernel] for instance, and a sync group of the two")
	}
	for _, p := range four {
		said := slices.ContainsFunc(raw.AWS.Allocations.entries, func(e *addressEntry[elasticIPID]) bool { return e.address == p.Addr() })
		if !said && !raw.AWS.meant["allocations"] {
			r.bad(v.marks[p.Addr()], "aws-eip does not know the Elastic IP of "+p.Addr().String(),
				"add allocations: {"+p.Addr().String()+": eipalloc-...} to aws")
		}
	}
}

// primaryOnce checks that no more than one Elastic IP belongs to an interface's
// primary address. It is that one where the router's address is not a secondary
// one: no two interfaces have the same private address.
func (r *reader) primaryOnce(c *Config, before []router, v *router) {
	alone := func(v *router) bool { return v.Moves(MoveAWSEIP) && !v.Moves(MoveAWSSecondaryIP) && !v.Moves(MoveExec) }
	four := v.family(4)
	if !alone(v) || len(four) == 0 {
		return
	}
	const remedy = "write [aws-secondary-ip, aws-eip, kernel], with addresses of the subnet; or use an interface for each"
	if len(four) > 1 {
		r.bad(v.marks[four[1].Addr()], "without aws-secondary-ip an Elastic IP belongs to the interface's primary address, which has room for one", remedy)
		return
	}
	for i := range before {
		o := &before[i]
		for _, n := range c.contenders() {
			if at := v.Interface[n.Name]; alone(o) && at != "" && at == o.Interface[n.Name] {
				r.bad(v.marks[four[0].Addr()], fmt.Sprintf("without aws-secondary-ip an Elastic IP belongs to the interface's primary address, which has that of router %s on line %d already", o.Name, o.key.line), remedy)
				return
			}
		}
	}
}

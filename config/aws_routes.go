// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// rawAWSRoute is an item of the section aws's routes of an address.
type rawAWSRoute struct {
	mark
	To     destination        `yaml:"to" jsonschema:"required" jsonschema_description:"Where packets are for, as 0.0.0.0/0 or 2001:db8::/32, of either family."`
	Tables list[routeTableID] `yaml:"tables" jsonschema:"required" jsonschema_description:"The route tables (rtb-...) in which that leads to the address's holder."`
}

func (v *rawAWSRoute) refuse(at mark) { v.mark = at }

func (v *rawAWSRoute) decode(r *reader, key mark, n ast.Node) {
	v.mark = r.at(n, key.path)
	if !r.fields(key, n, v).present() {
		return
	}
	if !v.To.present() {
		r.bad(v.mark, "to is missing", "write where packets are for, as in {to: 0.0.0.0/0, tables: [rtb-...]}")
	}
	switch {
	case !v.Tables.present():
		r.bad(v.mark, "tables is missing", "name the route tables, as in {to: 0.0.0.0/0, tables: [rtb-...]}")
	case !v.Tables.refused && len(v.Tables.items) == 0:
		r.bad(v.Tables.mark, "there is no route table", "name one, as in [rtb-0123456789abcdef0]")
	}
}

// awsRoutes are the section aws's routes.
type awsRoutes struct{ byAddress[list[rawAWSRoute]] }

// destination is what a route leads to.
type destination struct{ scalar[netip.Prefix] }

func (d *destination) decode(r *reader, key mark, n ast.Node) {
	const need = "a range of addresses is needed, as 0.0.0.0/0 or 2001:db8::/32"
	d.mark = r.at(n, key.path)
	s, ok := r.plainText(d.mark, n, need)
	if !ok {
		return
	}
	p, err := netip.ParsePrefix(s)
	a, alone := netip.ParseAddr(s)
	switch {
	case err != nil && alone == nil && a.Zone() == "":
		r.bad(d.mark, s+" has no prefix length", fmt.Sprintf("write %s/%d for this address alone", s, a.BitLen()))
	case s == "default":
		r.bad(d.mark, "default is not a range of addresses", "write 0.0.0.0/0, or ::/0 for IPv6")
	case err != nil:
		r.bad(d.mark, shown(s)+" is not a range of addresses", need)
	case p.Addr().Is4In6():
		r.bad(d.mark, s+" is an IPv4 range in IPv6 notation", "write it as IPv4")
	case p != p.Masked():
		r.bad(d.mark, s+" has more than its prefix length says", "write "+p.Masked().String())
	case p.Addr().IsLinkLocalUnicast(), p.Addr().IsMulticast(), p.Addr().IsLoopback():
		r.bad(d.mark, s+" is routed nowhere", need)
	default:
		d.set(p)
	}
}

// routesAlong are those of the file that are right, nil if there are none.
func routesAlong(raw *rawAWS) map[netip.Addr][]AWSRoute {
	all := make(map[netip.Addr][]AWSRoute)
	for _, e := range raw.Routes.entries {
		for _, v := range e.value.items {
			tables := v.tables()
			if e.address.IsValid() && v.To.ok && len(tables) > 0 {
				all[e.address] = append(all[e.address], AWSRoute{To: v.To.v, Tables: tables})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

func (v *rawAWSRoute) tables() []string {
	var all []string
	for _, t := range v.Tables.items {
		if t.ok {
			all = append(all, t.v)
		}
	}
	return all
}

// along checks what moves along with addresses: each is one of a router that moves
// by routes, and no destination is in a table twice.
func (r *reader) along(raw *rawFile, routers []router) {
	first := r.ownRoutes(raw, routers)
	addresses := make(map[string]mark)
	for _, e := range raw.AWS.Routes.entries {
		if !e.address.IsValid() {
			continue
		}
		if r.firstTime(addresses, e.address.String(), e.key) {
			r.hasRoutes(e, routerOf(routers, e.address))
		}
		if len(e.value.items) == 0 && !e.value.refused {
			r.bad(e.key, "nothing moves along with "+e.address.String(), "write what does, as in [{to: 0.0.0.0/0, tables: [rtb-...]}], or remove it")
		}
		for _, v := range e.value.items {
			for _, t := range v.Tables.items {
				if v.To.ok && t.ok && r.firstTime(first, v.To.v.String()+" in "+t.v, t.mark) {
					r.wayOut(raw, v.To.v, t)
				}
			}
		}
	}
}

// ownRoutes are the routes to the addresses themselves.
func (r *reader) ownRoutes(raw *rawFile, routers []router) map[string]mark {
	first := make(map[string]mark)
	for i := range routers {
		if !routers[i].Moves(MoveAWSRoute) {
			continue
		}
		for _, p := range routers[i].all() {
			for _, t := range raw.AWS.RouteTables.items {
				first[netip.PrefixFrom(p.Addr(), p.Addr().BitLen()).String()+" in "+t.v] = t.mark
			}
		}
	}
	return first
}

// hasRoutes refuses an address with which nothing can move along.
func (r *reader) hasRoutes(e *addressEntry[list[rawAWSRoute]], holder *router) {
	switch {
	case holder == nil:
		r.bad(e.key, "no router has the address "+e.address.String(), "write it into addresses or exclude of one, or remove it")
	case !holder.Moves(MoveAWSRoute):
		r.bad(e.key, e.address.String()+" is an address of router "+holder.Name+", which does not move by aws-route",
			"add aws-route to its move, with an address outside the VPC, or remove it")
	}
}

// wayOut warns of a default route in a table that route_tables has: those are the
// nodes' own tables mostly, which lead to EC2.
func (r *reader) wayOut(raw *rawFile, to netip.Prefix, t *routeTableID) {
	if to.Bits() > 1 || !slices.ContainsFunc(raw.AWS.RouteTables.items, func(o *routeTableID) bool { return o.v == t.v }) {
		return
	}
	r.warn(t.mark, fmt.Sprintf("%s in %s leads to the holder, and route_tables has this table, too: if a node's subnet has it, that node loses its way to EC2", to, t.v),
		"leave the nodes' own tables out here, and out of route_tables those of subnets that need not reach the address itself")
}

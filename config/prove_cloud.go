// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Names of the agent's own checks, by which a cloud moves the election: it could
// not take over now, and the machine is about to go.
const (
	CheckCloud   = "cloud"
	CheckSignals = "cloud-signals"
)

// clouds checks what moving by a cloud asks of the whole file.
func (r *reader) clouds(raw *rawFile, c *Config, known knownChecks, routers []router) {
	r.ownChecks(c, known, routers)
	users := 0
	for i := range routers {
		v := &routers[i]
		r.onHost(v)
		if !slices.ContainsFunc(v.Move, func(m Mover) bool { return m.Kind.AWS() }) {
			continue
		}
		users++
		if !r.haveAWS(raw, v) {
			continue
		}
		r.means(v)
		r.movable(c, v)
		r.byRoute(raw, c, v)
		r.bySecondary(raw, c, v)
		r.byElasticIP(raw, v)
		r.primaryOnce(c, routers[:i], v)
		r.hostFirst(v)
		if users == 1 {
			r.unguarded(raw, c)
		}
	}
	if c.UsesAWS() {
		r.frequent(raw.AWS.Poll.duration)
		r.frequent(raw.AWS.Readiness.Interval.duration)
	}
	if c.AWS != nil {
		r.unusedAWS(raw, c, routers, users)
		r.deaf(raw, c, users)
	}
}

// ownChecks keeps the names of the agent's own checks free.
func (r *reader) ownChecks(c *Config, known knownChecks, routers []router) {
	if c.AWS == nil && !slices.ContainsFunc(routers, func(v router) bool { return v.Cloud() }) {
		return
	}
	for _, name := range []string{CheckCloud, CheckSignals} {
		if v := known[name]; v != nil {
			r.bad(v.key, name+" is the name of a check that the agent itself makes where addresses move in a cloud", "choose another")
		}
	}
}

// haveAWS checks that the file says enough of AWS for the router's movers.
func (r *reader) haveAWS(raw *rawFile, v *router) bool {
	if raw.AWS.present() {
		return true
	}
	remedies := map[MoverKind]string{
		MoveAWSSecondaryIP: "add aws: {} at the top; region and interface are what the machine's metadata says",
		MoveAWSRoute:       "add aws: {route_tables: [rtb-...]} at the top",
		MoveAWSEIP:         "add aws: {allocations: {" + v.someAddress() + ": eipalloc-...}} at the top",
	}
	for i, m := range v.Move {
		if m.Kind.AWS() {
			r.bad(v.movers[i], string(m.Kind)+" needs the section aws, and there is none", remedies[m.Kind])
		}
	}
	return false
}

func (v *router) someAddress() string {
	for _, p := range v.Addresses {
		if p.Addr().Is4() {
			return p.Addr().String()
		}
	}
	return "192.0.2.100"
}

// onHost warns of addresses that nothing puts on the host. An Elastic IP is never
// there, and what a program does is not known.
func (r *reader) onHost(v *router) {
	for i, m := range v.Move {
		if (m.Kind != MoveAWSRoute && m.Kind != MoveAWSSecondaryIP) || v.Moves(MoveKernel) || v.Moves(MoveExec) {
			continue
		}
		r.warn(v.movers[i], "packets for the addresses come to the host, and nothing puts the addresses on it",
			"add kernel behind "+string(m.Kind)+", unless the host has them anyway, on its loopback interface for instance")
	}
}

// means checks that the movers can move the same addresses.
func (r *reader) means(v *router) {
	route, secondary, eip := v.Moves(MoveAWSRoute), v.Moves(MoveAWSSecondaryIP), v.Moves(MoveAWSEIP)
	const remedy = "make two routers, and a sync group of them if they are to move together"
	if route && secondary {
		r.bad(v.mover(MoveAWSRoute), "aws-route is for addresses outside the VPC and aws-secondary-ip for those of a subnet: no address is both", remedy)
	}
	if route && eip {
		r.bad(v.mover(MoveAWSEIP), "an Elastic IP can't belong to an address that aws-route moves: that is outside the VPC", remedy)
	}
	if secondary && eip && slices.IndexFunc(v.Move, func(m Mover) bool { return m.Kind == MoveAWSEIP }) < slices.IndexFunc(v.Move, func(m Mover) bool { return m.Kind == MoveAWSSecondaryIP }) {
		r.bad(v.mover(MoveAWSEIP), "the Elastic IP belongs to the secondary address, which must be there first", "write aws-eip behind aws-secondary-ip")
	}
}

// hostFirst warns of addresses that the host has before they are its node's.
func (r *reader) hostFirst(v *router) {
	at := slices.IndexFunc(v.Move, func(m Mover) bool { return m.Kind == MoveKernel })
	if at < 0 {
		return
	}
	for _, m := range v.Move[at+1:] {
		if m.Kind == MoveAWSRoute || m.Kind == MoveAWSSecondaryIP {
			r.warn(v.movers[at], "kernel stands before "+string(m.Kind)+": the host has the addresses, and answers for them, before they are its own in AWS, and also if they never are",
				"write kernel behind "+string(m.Kind))
			return
		}
	}
}

// unguarded warns of nodes that take addresses from each other.
func (r *reader) unguarded(raw *rawFile, c *Config) {
	if c.Guard.Kind == GuardQuorum || raw.Guard.present() && !raw.Guard.Kind.ok || len(c.contenders()) < 2 {
		return
	}
	remedy := "write guard: {kind: quorum} at the top"
	if len(c.Nodes) == 2 {
		remedy = "write guard: {kind: quorum, table: vicar-lease} at the top, or add a witness on a third machine"
	}
	r.warn(raw.AWS.mark, "without a guard nodes that don't hear each other are all Active, and each takes the addresses from the others, again and again", remedy)
}

// frequent warns of asking EC2 often.
func (r *reader) frequent(v duration) {
	if v.ok && v.v < usualPoll {
		r.warn(v.mark, shortDuration(v.v)+" is short", "EC2 counts the requests of a whole account in a region, and refuses those that are too many; "+shortDuration(usualPoll)+" or more is safer")
	}
}

// movable refuses addresses that no cloud moves.
func (r *reader) movable(c *Config, v *router) {
	for _, n := range c.contenders() {
		if v.Priority[n.Name] == wire.PriorityOwner {
			r.bad(priorityPlace(v, n.Name), n.Name+" has priority 255: the addresses are its own, and a host's own address can't move in AWS",
				"write 254 or less, and share addresses that no host has as its own")
		}
	}
	for _, p := range v.all() {
		if p.Addr().IsLinkLocalUnicast() {
			r.bad(v.marks[p.Addr()], p.Addr().String()+" is link-local: AWS routes it nowhere", "remove it, or move it to a router of its own without movers of AWS")
		}
	}
}

// all are the router's addresses, the excluded ones too.
func (v *router) all() []netip.Prefix { return slices.Concat(v.Addresses, v.Exclude) }

// family are those of one family.
func (v *router) family(family int) []netip.Prefix {
	return slices.DeleteFunc(v.all(), func(p netip.Prefix) bool { return familyOf(p.Addr()) != family })
}

// unusedAWS warns of what is said for nobody.
func (r *reader) unusedAWS(raw *rawFile, c *Config, routers []router, users int) {
	fetches := c.PeerLink != nil && c.PeerLink.KeysFrom != ""
	if users == 0 && c.Guard.Table == "" && !fetches && !slices.ContainsFunc(c.Routers, Router.Cloud) {
		r.warn(raw.AWS.mark, "nothing uses it: no router moves by AWS", "write move: [aws-secondary-ip, kernel] or [aws-route, kernel] in a router, or remove aws")
		return
	}
	by := func(kind MoverKind) bool {
		return slices.ContainsFunc(routers, func(v router) bool { return v.Moves(kind) })
	}
	if raw.AWS.RouteTables.present() && !by(MoveAWSRoute) {
		r.warn(raw.AWS.RouteTables.mark, "no router moves by aws-route", "write move: [aws-route, kernel] in a router, or remove route_tables")
	}
	if raw.AWS.Tag.present() && !by(MoveAWSSecondaryIP) && !by(MoveAWSEIP) {
		r.warn(raw.AWS.Tag.mark, "no router moves by aws-secondary-ip or aws-eip, and so the policy has no network interfaces", "remove it")
	}
	if six := raw.AWS.IPv6; six.ok && !slices.ContainsFunc(routers, func(v router) bool { return v.Moves(MoveAWSSecondaryIP) && len(v.family(6)) > 0 }) {
		r.warn(six.mark, "no router moves an IPv6 address by aws-secondary-ip", "remove it")
	}
	r.strayAllocations(raw, routers)
	r.along(raw, routers)
}

// routerOf is the router that has the address, nil if there is none.
func routerOf(routers []router, a netip.Addr) *router {
	for i := range routers {
		if slices.ContainsFunc(routers[i].all(), func(p netip.Prefix) bool { return p.Addr() == a }) {
			return &routers[i]
		}
	}
	return nil
}

// strayAllocations refuses Elastic IPs of addresses that have none.
func (r *reader) strayAllocations(raw *rawFile, routers []router) {
	for _, e := range raw.AWS.Allocations.entries {
		if !e.address.IsValid() {
			continue
		}
		holder := routerOf(routers, e.address)
		switch {
		case e.address.Is6():
			r.bad(e.key, e.address.String()+" is an IPv6 address, and Elastic IPs are IPv4", "remove it")
		case holder == nil:
			r.bad(e.key, "no router has the address "+e.address.String(), "write it into addresses or exclude of one, or remove it")
		case !holder.Moves(MoveAWSEIP):
			r.bad(e.key, e.address.String()+" is an address of router "+holder.Name+", which does not move by aws-eip",
				"add aws-eip to its move, or remove it")
		}
	}
}

// deaf warns of multicast, which a VPC does not carry.
func (r *reader) deaf(raw *rawFile, c *Config, users int) {
	if c.Transport.Kind != Multicast || users == 0 || raw.Transport.present() && !usable(raw.Transport.Kind.scalar) {
		return
	}
	at := raw.AWS.mark
	if raw.Transport.present() {
		at = raw.Transport.mark
	}
	r.warn(at, "adverts travel by multicast, which a VPC does not carry by itself: the nodes don't hear each other",
		"write transport: {kind: unicast} at the top, or gossip")
}

// addressList is addresses for people.
func addressList(prefixes []netip.Prefix) string {
	const most = 3
	var names []string
	for _, p := range prefixes {
		names = append(names, p.Addr().String())
	}
	if n := len(names); n > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n-most)
	}
	return words(names)
}

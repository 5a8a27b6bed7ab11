// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// region is what does not change, but for tables of DynamoDB that are added.
type region struct {
	name, account string
	vpcs          map[string]VPC
	subnets       map[string]Subnet
	types         map[string]Type
	keys          map[string]string // of DynamoDB's tables, by name
}

// state is what changes. A state that is in the history is never written to: its
// maps are cloned, and slices in them are cloned by who changes them.
type state struct {
	instances  map[string]Instance
	interfaces map[string]Interface
	tables     map[string]RouteTable
	addresses  map[string]Address
	items      map[string]map[string]item // of DynamoDB, by table and key

	reservations map[string]reservation
}

func (s *state) clone() *state {
	return &state{
		instances: maps.Clone(s.instances), interfaces: maps.Clone(s.interfaces), tables: maps.Clone(s.tables),
		addresses: maps.Clone(s.addresses), items: maps.Clone(s.items), reservations: maps.Clone(s.reservations),
	}
}

// version is a state and when it came to be: for writes at once, for others when
// they are to see it.
type version struct {
	at, metadata, packets time.Time
	state                 *state
}

// all are the addresses of an interface.
func (i Interface) all() []netip.Addr {
	return slices.Concat([]netip.Addr{i.Primary}, i.Secondary, i.IPv6)
}

// holder is the interface that has an address in a VPC.
func (s *state) holder(r *region, vpc string, a netip.Addr) (Interface, bool) {
	for _, i := range s.interfaces {
		if r.subnets[i.Subnet].VPC == vpc && slices.Contains(i.all(), a) {
			return i, true
		}
	}
	return Interface{}, false
}

// eip is the Elastic IP of an interface's address.
func (s *state) eip(id string, private netip.Addr) (Address, bool) {
	for _, a := range s.addresses {
		if a.Interface == id && a.Private == private && a.association != "" {
			return a, true
		}
	}
	return Address{}, false
}

// attached are the interfaces of an instance, by their device.
func (s *state) attached(instance string) []Interface {
	var is []Interface
	for _, i := range s.interfaces {
		if i.Instance == instance {
			is = append(is, i)
		}
	}
	slices.SortFunc(is, func(a, b Interface) int { return a.Device - b.Device })
	return is
}

// lives tells whether packets to a route's target arrive anywhere: the state of
// a route is "blackhole" where the interface is not attached, or its instance does
// not run. Gateways are always there.
func (s *state) lives(target string) bool {
	if !strings.HasPrefix(target, "eni-") {
		return true
	}
	i, ok := s.interfaces[target]
	return ok && s.instances[i.Instance].State == Running
}

// limit is what an interface's instance type allows; an interface that is not
// attached has 50.
func (s *state) limit(r *region, i Interface) Type {
	if t, ok := r.types[s.instances[i.Instance].Type]; ok && i.Instance != "" {
		return t
	}
	return Type{IPv4: 50, IPv6: 50}
}

// reserved tells whether a subnet's address is one of the four first ones, or the
// last one, which AWS keeps.
func reserved(p netip.Prefix, a netip.Addr) bool {
	first := p.Masked().Addr()
	for range 4 {
		if a == first {
			return true
		}
		first = first.Next()
	}
	return !p.Contains(a.Next())
}

// check tells what is impossible in a state, the promises of this package above
// all: an address has one holder.
func (s *state) check(r *region) error {
	holders := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(s.interfaces)) {
		i := s.interfaces[id]
		subnet := r.subnets[i.Subnet]
		for _, a := range i.all() {
			key := subnet.VPC + " " + a.String()
			if other, ok := holders[key]; ok {
				return fmt.Errorf("%s is held by %s and %s", a, other, id)
			}
			holders[key] = id
			if !subnet.CIDR.Contains(a) && !subnet.IPv6.Contains(a) {
				return fmt.Errorf("%s of %s is not in %s", a, id, subnet.ID)
			}
		}
		if t := s.limit(r, i); 1+len(i.Secondary) > t.IPv4 || len(i.IPv6) > t.IPv6 {
			return fmt.Errorf("%s has more addresses than its type allows", id)
		}
	}
	associations := map[string]string{}
	for id, a := range s.addresses {
		if a.association == "" {
			continue
		}
		if other, ok := associations[a.association]; ok {
			return fmt.Errorf("%s and %s have one association", id, other)
		}
		associations[a.association] = id
		if i, ok := s.interfaces[a.Interface]; !ok || !slices.Contains(i.all(), a.Private) {
			return fmt.Errorf("%s is associated with %s, which is not an address of %s", id, a.Private, a.Interface)
		}
	}
	return s.checkTables(r)
}

// checkTables wants one route per destination.
func (s *state) checkTables(r *region) error {
	for id, t := range s.tables {
		seen := map[netip.Prefix]bool{}
		for _, route := range t.Routes {
			if seen[route.Destination] {
				return fmt.Errorf("%s has two routes to %s", id, route.Destination)
			}
			seen[route.Destination] = true
		}
		if _, ok := r.vpcs[t.VPC]; !ok {
			return fmt.Errorf("%s is of no VPC", id)
		}
	}
	return nil
}

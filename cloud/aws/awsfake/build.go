// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
)

// build checks a configuration and makes what it says.
func build(cfg Config) (*region, *state, error) {
	r := &region{
		name: cmp.Or(cfg.Region, "eu-central-1"), account: cmp.Or(cfg.Account, "111122223333"),
		vpcs: map[string]VPC{}, subnets: map[string]Subnet{}, types: knownTypes(), keys: map[string]string{},
	}
	maps.Copy(r.types, cfg.Types)
	for _, v := range cfg.VPCs {
		r.vpcs[v.ID] = v
	}
	for _, s := range cfg.Subnets {
		s.Zone = cmp.Or(s.Zone, r.name+"a")
		if v, ok := r.vpcs[s.VPC]; !ok || !v.contains(s.CIDR) {
			return nil, nil, fmt.Errorf("subnet %s: %s is not in VPC %q", s.ID, s.CIDR, s.VPC)
		}
		r.subnets[s.ID] = s
	}
	first := &state{
		instances: map[string]Instance{}, interfaces: map[string]Interface{}, tables: map[string]RouteTable{},
		addresses: map[string]Address{}, items: map[string]map[string]item{}, reservations: map[string]reservation{},
	}
	for _, t := range cfg.Tables {
		r.keys[t.Name] = cmp.Or(t.Key, "id")
		first.items[t.Name] = map[string]item{}
	}
	if err := r.buildMachines(cfg, first); err != nil {
		return nil, nil, err
	}
	return r, first, r.buildNetwork(cfg, first)
}

func (r *region) buildMachines(cfg Config, first *state) error {
	for _, i := range cfg.Instances {
		if err := r.complete(&i); err != nil {
			return err
		}
		if !slices.ContainsFunc(cfg.Roles, func(role Role) bool { return role.Name == i.Role }) && i.Role != "" {
			return fmt.Errorf("instance %s: no role %q", i.ID, i.Role)
		}
		first.instances[i.ID] = i
	}
	for _, i := range cfg.Interfaces {
		i.MAC, i.Account = cmp.Or(i.MAC, mac(i.ID)), cmp.Or(i.Account, r.account)
		if _, ok := r.subnets[i.Subnet]; !ok {
			return fmt.Errorf("interface %s: no subnet %q", i.ID, i.Subnet)
		}
		if _, ok := first.instances[i.Instance]; !ok && i.Instance != "" {
			return fmt.Errorf("interface %s: no instance %q", i.ID, i.Instance)
		}
		first.interfaces[i.ID] = i
	}
	return nil
}

// complete sets what an instance has if nothing is said.
func (r *region) complete(i *Instance) error {
	i.Type, i.State, i.HopLimit = cmp.Or(i.Type, "m5.4xlarge"), cmp.Or(i.State, Running), cmp.Or(i.HopLimit, 1)
	if _, ok := r.types[i.Type]; !ok {
		return fmt.Errorf("instance %s: type %q is not known: name it in Types", i.ID, i.Type)
	}
	return nil
}

func (r *region) buildNetwork(cfg Config, first *state) error {
	for _, t := range cfg.RouteTables {
		t.Account = cmp.Or(t.Account, r.account)
		v, ok := r.vpcs[t.VPC]
		if !ok {
			return fmt.Errorf("route table %s: no VPC %q", t.ID, t.VPC)
		}
		var local []Route
		for _, c := range v.CIDRs {
			local = append(local, Route{c, "local"})
		}
		t.Routes = slices.Concat(local, t.Routes)
		for _, s := range t.Subnets {
			if r.subnets[s].VPC != t.VPC {
				return fmt.Errorf("route table %s: subnet %q is not in its VPC", t.ID, s)
			}
		}
		first.tables[t.ID] = t
	}
	for _, a := range cfg.Addresses {
		a.Account = cmp.Or(a.Account, r.account)
		if a.Interface != "" && !a.Private.IsValid() {
			a.Private = first.interfaces[a.Interface].Primary
		}
		first.addresses[a.Allocation] = a
	}
	return nil
}

// contains tells whether a prefix is within the VPC.
func (v VPC) contains(p netip.Prefix) bool {
	return slices.ContainsFunc(v.CIDRs, func(c netip.Prefix) bool { return c.Bits() <= p.Bits() && c.Contains(p.Addr()) })
}

// mac is a local hardware address made from an interface's id.
func mac(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id)) // never fails
	s := h.Sum32()
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
}

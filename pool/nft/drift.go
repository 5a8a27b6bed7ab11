// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/nftables/binaryutil"

	"github.com/vicar-ha/vicar/pool"
)

// number is a number as registers have it.
func number(b string) uint32 { return binaryutil.NativeEndian.Uint32([]byte(b)) }

// Drift tells what Set would change. While the kernel makes the table of a large set larger it
// may leave out elements of it: what is found is looked for twice.
func (p *Plane) Drift(ctx context.Context, services []pool.Virtual) ([]pool.Drift, error) {
	found, err := p.drifts(ctx, services)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	p.known = nil
	return p.drifts(ctx, services)
}

// drifts is one look.
func (p *Plane) drifts(ctx context.Context, services []pool.Virtual) ([]pool.Drift, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading nftables: %w", err)
	}
	if err := p.know(services); err != nil {
		return nil, understood(err)
	}
	c := p.plan(services, false)
	var out []pool.Drift
	for i := range c.services {
		if d, ok := c.services[i].drift(&c.fronts); ok {
			out = append(out, d)
		}
	}
	// What is wrong with the frame concerns all services; it is told once.
	if n := c.frame.count(); len(services) > 0 && (n > 0 || c.rebuild || c.wake) {
		what := p.frameDrift(c)
		if len(out) == 0 {
			out = append(out, pool.Drift{Service: services[0].Name})
		} else if out[0].What != "" {
			what += "; " + out[0].What
		}
		out[0].What, out[0].Count = what, out[0].Count+max(1, n)
	}
	return out, nil
}

// frameDrift is what is wrong with the frame.
func (p *Plane) frameDrift(c *change) string {
	if !p.known.list.there {
		return "the table inet " + tableName + " is gone"
	}
	if c.rebuild {
		return "the table inet " + tableName + " was changed beyond repair: " + strings.Join(p.known.wrong, ", ")
	}
	var parts []string
	if c.wake {
		parts = append(parts, "the table inet "+tableName+" is dormant")
	}
	for _, ch := range c.frame.newChains {
		parts = append(parts, "the chain "+ch.def.Name+" is gone")
	}
	for _, s := range c.frame.newSets {
		parts = append(parts, "the set "+s.def.Name+" is gone")
	}
	for _, ch := range c.frame.rewritten {
		if !slices.Contains(c.frame.newChains, ch) {
			parts = append(parts, "the rules of the chain "+ch.def.Name+" were changed")
		}
	}
	return strings.Join(parts, ", ")
}

// drift is what is wrong with a service.
func (s *serviceChange) drift(fronts *difference) (pool.Drift, bool) {
	d := pool.Drift{Service: s.virtual.Name, Count: s.count() + s.fronts}
	if d.Count == 0 {
		return d, false
	}
	if len(s.before.chains) == 0 {
		d.What = "the service is gone"
		return d, true
	}
	var parts []string
	for _, ch := range s.rewritten {
		parts = append(parts, "the rules of the chain "+ch.def.Name+" are others")
	}
	for _, set := range s.newSets {
		parts = append(parts, "the set "+set.def.Name+" is gone")
	}
	for _, name := range slices.Concat(s.goneChains, s.goneSets) {
		parts = append(parts, name+" is too many")
	}
	for _, name := range slices.Sorted(maps.Keys(s.defs)) {
		switch {
		case strings.HasPrefix(name, "servers-"):
			parts = append(parts, serversDrift(s.del[name], s.add[name])...)
		case len(s.del[name])+len(s.add[name]) > 0:
			parts = append(parts, "the elements of "+name+" are others")
		}
	}
	if s.fronts > 0 {
		parts = append(parts, s.frontsDrift(fronts)...)
	}
	d.What = strings.Join(parts, ", ")
	return d, true
}

// weighs is the weight of an element of the servers' map.
func weighs(e element) uint32 {
	if len(e.val) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32([]byte(e.val))
}

// serversDrift are the servers with other weights than they should have.
func serversDrift(del, add map[element]struct{}) []string {
	is, shall := map[string]uint32{}, map[string]uint32{}
	for e := range del {
		is[e.key] = weighs(e)
	}
	for e := range add {
		shall[e.key] = weighs(e)
	}
	var out []string
	for key, w := range shall {
		a, _ := server(key)
		if now, ok := is[key]; ok {
			out = append(out, fmt.Sprintf("%v has weight %d, not %d", a, now, w))
		} else {
			out = append(out, fmt.Sprintf("%v is missing", a))
		}
	}
	for key := range is {
		if _, ok := shall[key]; !ok {
			a, _ := server(key)
			out = append(out, fmt.Sprintf("%v is too many", a))
		}
	}
	slices.Sort(out)
	return out
}

// frontsDrift are the frontends of the service that are missing or lead elsewhere.
func (s *serviceChange) frontsDrift(fronts *difference) []string {
	var out []string
	for set, some := range s.want.frontends {
		for e := range some {
			if _, ok := fronts.add[set][e]; ok {
				out = append(out, e.frontend()+" is missing")
			}
		}
	}
	if len(out) == 0 {
		out = append(out, "there are frontends that it does not have")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

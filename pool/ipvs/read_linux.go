// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/pool"
)

// Drift tells what is not as it was set (pool.Plane).
func (p *Plane) Drift(ctx context.Context, services []pool.Virtual) ([]pool.Drift, error) {
	var out []pool.Drift
	err := p.do(ctx, func(c *conn) error {
		jobs, errs := split(services)
		have, err := c.services(ctx, jobs.keys())
		if err != nil {
			return fmt.Errorf("reading IPVS's services: %w", err)
		}
		for _, j := range jobs {
			d, err := drift(ctx, c, j, have)
			if err != nil {
				return err
			}
			if d.Count > 0 {
				out = append(out, d)
			}
		}
		return summary(errs)
	})
	return out, err
}

// drift compares one service with the kernel's.
func drift(ctx context.Context, c *conn, j job, have map[key]service) (pool.Drift, error) {
	d := pool.Drift{Service: j.service.Name}
	var what []string
	for _, k := range j.keys {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		want := destinations(j.service, k.family)
		at := ""
		if len(j.keys) > 1 {
			at = k.String() + ": "
		}
		s, exists, err := one(ctx, c, k, have)
		if err != nil {
			return d, err
		}
		if !exists {
			d.Count += 1 + len(want)
			what = append(what, at+"the service is gone")
			continue
		}
		if diff := s.differences(wanted(j.service, k.family)); len(diff) > 0 {
			d.Count++
			what = append(what, at+strings.Join(diff, ", "))
		}
		servers, err := c.servers(k)
		if err != nil {
			return d, fmt.Errorf("reading the destinations of %v: %w", k, err)
		}
		for _, diff := range compare(servers, want) {
			d.Count++
			what = append(what, at+diff)
		}
	}
	d.What = brief(what)
	return d, nil
}

// one is a service of those that were read. A list of many may lack one that is there,
// if others removed another while it was read: what is missing is asked for by itself.
func one(ctx context.Context, c *conn, k key, have map[key]service) (s service, exists bool, err error) {
	if s, exists = have[k]; exists {
		return s, true, nil
	}
	now, err := c.services(ctx, []key{k})
	if err != nil {
		return s, false, fmt.Errorf("reading %v: %w", k, err)
	}
	s, exists = now[k]
	return s, exists, nil
}

// compare tells what is missing, superfluous or other, in the order of addresses.
func compare(have map[netip.AddrPort]server, want []pool.Destination) []string {
	var out []string
	wanted := make(map[netip.AddrPort]bool, len(want))
	for _, d := range want {
		wanted[d.Address] = true
		if h, ok := have[d.Address]; !ok {
			out = append(out, fmt.Sprintf("%v is gone", d.Address))
		} else if h.Destination != d {
			out = append(out, difference(h.Destination, d))
		}
	}
	var strangers []string
	for at := range have {
		if !wanted[at] {
			strangers = append(strangers, fmt.Sprintf("%v is not one of its servers", at))
		}
	}
	slices.Sort(strangers)
	return append(out, strangers...)
}

// brief is the first few of many.
func brief(what []string) string {
	const most = 3
	if n := len(what) - most; n > 0 {
		return fmt.Sprintf("%s, and %d more", strings.Join(what[:most], "; "), n)
	}
	return strings.Join(what, "; ")
}

// Read is what the services' destinations have to do (pool.Plane), in the order of
// addresses.
func (p *Plane) Read(ctx context.Context, services []pool.Virtual) ([]pool.Reading, error) {
	var out []pool.Reading
	err := p.do(ctx, func(c *conn) error {
		jobs, errs := split(services)
		for _, j := range jobs {
			rs, err := read(ctx, c, j)
			if err != nil {
				return err
			}
			out = append(out, rs...)
		}
		return summary(errs)
	})
	return out, err
}

// read adds up one service's destinations over its frontends.
func read(ctx context.Context, c *conn, j job) ([]pool.Reading, error) {
	sums := map[netip.AddrPort]pool.Reading{}
	for _, k := range j.keys {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		servers, err := c.servers(k)
		if err != nil {
			return nil, fmt.Errorf("reading the destinations of %v: %w", k, err)
		}
		for at, s := range servers {
			r := sums[at]
			r.Service, r.Address, r.Weight = j.service.Name, at, s.Weight
			r.Active += s.active
			r.Inactive += s.inactive
			r.Total += s.total
			sums[at] = r
		}
	}
	out := make([]pool.Reading, 0, len(sums))
	for _, r := range sums {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b pool.Reading) int { return a.Address.Compare(b.Address) })
	return out, nil
}

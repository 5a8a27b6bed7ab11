// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// check finds what is wrong with services. The configuration has been checked
// by those who read it: this keeps a mistake there from the kernel.
func check(services []Service, planes map[PlaneKind]Plane, sync *Sync, daemon SyncDaemon) error {
	var errs []error
	names := make(map[string]bool, len(services))
	type owner struct {
		service  string
		frontend Frontend
	}
	taken := make(map[any][]owner) // by address, or mark: what can overlap, but for ranges
	var ranges []owner
	for _, s := range services {
		if names[s.Name] {
			errs = append(errs, fmt.Errorf("service %s is there twice", s.Name))
		}
		names[s.Name] = true
		if planes[s.Plane] == nil {
			errs = append(errs, fmt.Errorf("service %s: there is no plane %s", s.Name, s.Plane))
		}
		if err := s.check(); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		}
		for _, f := range s.Frontends {
			others := taken[f.place()]
			if f.Mark == 0 && f.Last != f.First {
				for _, list := range taken {
					others = append(others, list...)
				}
				ranges = append(ranges, owner{s.Name, f})
			} else {
				taken[f.place()] = append(taken[f.place()], owner{s.Name, f})
			}
			for _, o := range append(slices.Clip(others), ranges...) {
				if o.service != s.Name && o.frontend.overlaps(f) {
					errs = append(errs, fmt.Errorf("services %s and %s: %v overlaps %v", o.service, s.Name, o.frontend, f))
				}
			}
		}
	}
	if sync != nil && daemon == nil {
		errs = append(errs, errors.New("there is no daemon that synchronises connections"))
	}
	return errors.Join(errs...)
}

// place is what two frontends that are no ranges of addresses must share to overlap.
func (f Frontend) place() any {
	if f.Mark != 0 {
		return f.Mark
	}
	return f.First
}

func (s *Service) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(s.Frontends) == 0 {
		bad("it has no frontend")
	}
	for _, f := range s.Frontends {
		if err := f.check(); err != nil {
			errs = append(errs, err)
		}
	}
	if s.Quorum < 1 || s.Hysteresis < 0 {
		bad("quorum %d with hysteresis %d: they are 1 and 0 at least", s.Quorum, s.Hysteresis)
	}
	names, addresses := make(map[string]bool), make(map[netip.AddrPort]bool)
	for _, x := range s.Servers {
		if names[x.Name] || addresses[x.Address] {
			bad("server %s (%v) is there twice", x.Name, x.Address)
		}
		names[x.Name], addresses[x.Address] = true, true
		if !x.Address.IsValid() || x.Weight < 0 || x.Weight > maxWeight {
			bad("server %s has address %v and weight %d", x.Name, x.Address, x.Weight)
		}
	}
	if s.Sorry != nil && addresses[s.Sorry.Address] {
		bad("the sorry server %v is one of the servers", s.Sorry.Address)
	}
	return errors.Join(errs...)
}

// check finds what no packet can be for.
func (f Frontend) check() error {
	if f.Mark != 0 {
		if f.Family != 4 && f.Family != 6 {
			return fmt.Errorf("mark %d has the family %d, not 4 or 6", f.Mark, f.Family)
		}
		return nil
	}
	if !f.First.IsValid() || !f.Last.IsValid() || f.First.Is4() != f.Last.Is4() || f.Last.Less(f.First) || f.LastPort < f.FirstPort ||
		f.FirstPort == 0 && f.LastPort != 0 {
		return fmt.Errorf("%v to %v, ports %d to %d, is no frontend", f.First, f.Last, f.FirstPort, f.LastPort)
	}
	return nil
}

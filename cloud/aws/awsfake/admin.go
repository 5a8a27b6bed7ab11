// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// What follows is what people, Terraform and the cloud itself do to a region. It
// needs no permission and is not logged.

// MoveAddress puts a secondary address onto an interface, from whichever has it;
// an Elastic IP goes with it. An empty interface takes it away from all.
func (w *World) MoveAddress(a netip.Addr, eni string) error {
	return w.change(func(s *state) error {
		to, known := s.interfaces[eni]
		if !known && eni != "" {
			return fmt.Errorf("no interface %q", eni)
		}
		for id, i := range s.interfaces {
			if i.Primary == a {
				return fmt.Errorf("%s is the primary address of %s", a, id)
			}
			if id != eni && slices.Contains(i.all(), a) {
				s.drop(i, a, eni)
			}
		}
		if known && !slices.Contains(to.all(), a) {
			s.add(to, a)
		}
		return nil
	})
}

// add gives an interface an address.
func (s *state) add(i Interface, a netip.Addr) {
	if a.Is4() {
		i.Secondary = append(slices.Clone(i.Secondary), a)
	} else {
		i.IPv6 = append(slices.Clone(i.IPv6), a)
	}
	s.interfaces[i.ID] = i
}

// drop takes an address away from an interface. An Elastic IP of it goes with the
// address to the next holder, or belongs to nothing when there is none.
func (s *state) drop(i Interface, a netip.Addr, next string) {
	i.Secondary = slices.DeleteFunc(slices.Clone(i.Secondary), func(b netip.Addr) bool { return a == b })
	i.IPv6 = slices.DeleteFunc(slices.Clone(i.IPv6), func(b netip.Addr) bool { return a == b })
	s.interfaces[i.ID] = i
	if e, ok := s.eip(i.ID, a); ok {
		e.Interface = next
		if next == "" {
			e.Private, e.association = netip.Addr{}, ""
		}
		s.addresses[e.Allocation] = e
	}
}

// SetRoute makes a table's route to a destination go to a target, and makes the
// route where there is none; an empty target deletes it.
func (w *World) SetRoute(table string, dst netip.Prefix, target string) error {
	return w.change(func(s *state) error {
		t, ok := s.tables[table]
		if !ok {
			return fmt.Errorf("no route table %q", table)
		}
		t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r Route) bool { return r.Destination == dst })
		if target != "" {
			t.Routes = append(t.Routes, Route{dst, target})
		}
		s.tables[table] = t
		return nil
	})
}

// Associate associates an Elastic IP with an interface's address; an empty
// interface ends its association.
func (w *World) Associate(allocation, eni string, private netip.Addr) error {
	return w.change(func(s *state) error {
		a, ok := s.addresses[allocation]
		if !ok {
			return fmt.Errorf("no Elastic IP %q", allocation)
		}
		a.Interface, a.Private, a.association = eni, private, ""
		if eni != "" {
			a.association = w.newID("eipassoc")
		}
		s.addresses[allocation] = a
		return nil
	})
}

// SetState starts, stops or terminates an instance. What is terminated loses its
// interfaces, and what they held goes with them; those that are Kept hold it still.
func (w *World) SetState(instance, to string) error {
	return w.edit(instance, func(s *state, i *Instance) {
		i.State = to
		if to != Terminated {
			return
		}
		for _, eni := range s.attached(instance) {
			if !eni.Kept {
				s.remove(eni.ID)
				continue
			}
			eni.Instance, eni.Device = "", 0
			s.interfaces[eni.ID] = eni
		}
	})
}

// Attach attaches an interface to an instance; an empty instance detaches it.
func (w *World) Attach(eni, instance string, device int) error {
	return w.change(func(s *state) error {
		i, ok := s.interfaces[eni]
		if _, known := s.instances[instance]; !ok || !known && instance != "" {
			return fmt.Errorf("no interface %q, or no instance %q", eni, instance)
		}
		i.Instance, i.Device = instance, device
		s.interfaces[eni] = i
		return nil
	})
}

// SetHopLimit sets how far the metadata service's answers go.
func (w *World) SetHopLimit(instance string, hops int) error {
	return w.edit(instance, func(_ *state, i *Instance) { i.HopLimit = hops })
}

// Interrupt announces the end of a spot instance: action is "terminate", "stop" or
// "hibernate". A zero time takes it back.
func (w *World) Interrupt(instance, action string, at time.Time) error {
	return w.edit(instance, func(_ *state, i *Instance) { i.signals.action, i.signals.interruption = action, at })
}

// Schedule announces a maintenance of an instance, as "system-reboot" or
// "instance-stop". A zero start takes it back.
func (w *World) Schedule(instance, code string, from, until time.Time) error {
	return w.edit(instance, func(_ *state, i *Instance) {
		i.signals.maintenance, i.signals.from, i.signals.until = code, from, until
	})
}

// edit changes an instance.
func (w *World) edit(instance string, f func(*state, *Instance)) error {
	return w.change(func(s *state) error {
		i, ok := s.instances[instance]
		if !ok {
			return fmt.Errorf("no instance %q", instance)
		}
		f(s, &i)
		s.instances[instance] = i
		return nil
	})
}

// SetCheck switches the source/destination check of an interface.
func (w *World) SetCheck(eni string, on bool) error {
	return w.change(func(s *state) error {
		i, ok := s.interfaces[eni]
		if !ok {
			return fmt.Errorf("no interface %q", eni)
		}
		i.NoCheck = !on
		s.interfaces[eni] = i
		return nil
	})
}

// Holder is who has an address now: the interface of a secondary address, or the
// target of the route in a table. It is what is, not what anybody sees.
func (w *World) Holder(a netip.Addr) (eni string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, i := range w.current().interfaces {
		if slices.Contains(i.all(), a) {
			return id, true
		}
	}
	return "", false
}

// Target is where a table's route goes now.
func (w *World) Target(table string, dst netip.Prefix) (target string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.current().tables[table].Routes {
		if r.Destination == dst {
			return r.Target, true
		}
	}
	return "", false
}

// Association is what an Elastic IP belongs to now.
func (w *World) Association(allocation string) (id, eni string, private netip.Addr, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.current().addresses[allocation]
	return a.association, a.Interface, a.Private, a.association != ""
}

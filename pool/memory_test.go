// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/pool"
)

// memory is a plane in memory, as IPVS is one: it knows frontends, not names. named makes
// it one that finds services by name, as nftables does.
type memory struct {
	named    bool
	mu       sync.Mutex
	at       map[pool.Frontend]pool.Virtual // what is programmed, of one frontend each
	conns    map[netip.AddrPort]uint64
	fails    func(pool.Virtual) error // of Set, Remove
	halfway  error                    // of Remove, which has removed the first frontend
	slow     time.Duration            // each call
	stuck    bool                     // calls last until their context ends
	sets     int
	batches  [][]string // names of each Set
	removals []string
}

func newMemory() *memory {
	return &memory{at: make(map[pool.Frontend]pool.Virtual), conns: make(map[netip.AddrPort]uint64)}
}

// wait is what a call costs.
func (m *memory) wait(ctx context.Context) error {
	m.mu.Lock()
	slow, stuck := m.slow, m.stuck
	m.mu.Unlock()
	if stuck {
		slow = time.Hour
	}
	if slow == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(slow):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// copied is what the kernel keeps of a service at one frontend.
func copied(v pool.Virtual, f pool.Frontend) pool.Virtual {
	v.Frontends = []pool.Frontend{f}
	v.Destinations = slices.Clone(v.Destinations)
	return v
}

func (m *memory) Set(ctx context.Context, services []pool.Virtual) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	var names []string
	for _, v := range services {
		names = append(names, v.Name)
		if m.fails != nil {
			if err := m.fails(v); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		m.drop(v)
		for _, f := range expand(v.Frontends) {
			m.at[f] = copied(v, f)
		}
	}
	m.sets++
	m.batches = append(m.batches, names)
	return errors.Join(errs...)
}

func (m *memory) Remove(ctx context.Context, services []pool.Virtual) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for _, v := range services {
		if m.fails != nil {
			if err := m.fails(v); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if m.halfway != nil {
			delete(m.at, v.Frontends[0])
			errs = append(errs, m.halfway)
			continue
		}
		m.drop(v)
		for _, f := range v.Frontends {
			m.removals = append(m.removals, f.String())
		}
		if !m.named {
			maps.DeleteFunc(m.at, func(f pool.Frontend, _ pool.Virtual) bool { return slices.Contains(expand(v.Frontends), f) })
		}
	}
	return errors.Join(errs...)
}

func (m *memory) Drift(ctx context.Context, services []pool.Virtual) (list []pool.Drift, err error) {
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range services {
		d := pool.Drift{Service: v.Name}
		for _, f := range expand(v.Frontends) {
			if !reflect.DeepEqual(m.at[f], copied(v, f)) {
				d.Count++
				d.What = fmt.Sprintf("%v is other", f)
			}
		}
		if d.Count > 0 {
			list = append(list, d)
		}
	}
	return list, nil
}

func (m *memory) Read(ctx context.Context, services []pool.Virtual) (list []pool.Reading, err error) {
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, v := range services {
		seen := make(map[netip.AddrPort]bool)
		for _, f := range expand(v.Frontends) {
			for _, d := range m.at[f].Destinations {
				if !seen[d.Address] {
					list = append(list, pool.Reading{Service: v.Name, Address: d.Address, Weight: d.Weight, Active: m.conns[d.Address]})
				}
				seen[d.Address] = true
			}
		}
	}
	return list, nil
}

// drop removes what has the service's name, if that is how it is found.
func (m *memory) drop(v pool.Virtual) {
	if m.named {
		maps.DeleteFunc(m.at, func(_ pool.Frontend, x pool.Virtual) bool { return x.Name == v.Name })
	}
}

// expand are the single addresses and ports of frontends.
func expand(list []pool.Frontend) (all []pool.Frontend) {
	for _, f := range list {
		for a := f.First; !f.Last.Less(a); a = a.Next() {
			for p := int(f.FirstPort); p <= int(f.LastPort); p++ {
				all = append(all, pool.Single(f.Protocol, netip.AddrPortFrom(a, uint16(p))))
			}
		}
	}
	return all
}

func (*memory) Close() error { return nil }

// change does something to the memory that is no call.
func (m *memory) change(f func(*memory)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(m)
}

// text is what is programmed, a line for each address and port.
func (m *memory) text() (lines []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for f, v := range maps.All(m.at) {
		lines = append(lines, line(v, f))
	}
	slices.Sort(lines)
	return lines
}

// line is a service at a frontend: web 192.0.2.100:80/tcp wrr: 198.51.100.11:80=1.
func line(v pool.Virtual, f pool.Frontend) string {
	s := fmt.Sprintf("%s %v %s:", v.Name, f, v.Scheduler)
	for _, d := range v.Destinations {
		s += fmt.Sprintf(" %v=%d", d.Address, d.Weight)
	}
	return s
}

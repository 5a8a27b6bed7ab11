// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/ipvs"
)

// memPlane is a plane in memory.
type memPlane struct {
	mu       sync.Mutex
	opened   int
	fail     error
	hung     chan struct{} // calls wait until it is closed; nil: they don't
	services map[string]pool.Virtual
	readings map[string]uint64 // active connections by destination
	timeouts []ipvs.Timeouts
	roles    []pool.SyncRole
}

func newMemPlane() *memPlane {
	return &memPlane{services: make(map[string]pool.Virtual), readings: make(map[string]uint64)}
}

func (p *memPlane) open() (pool.Plane, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened++
	return p, nil
}

func (p *memPlane) Set(ctx context.Context, services []pool.Virtual) error {
	if err := p.wait(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	for _, v := range services {
		p.services[v.Name] = v
	}
	return nil
}

func (p *memPlane) Remove(ctx context.Context, services []pool.Virtual) error {
	if err := p.wait(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return p.fail
	}
	for _, v := range services {
		delete(p.services, v.Name)
	}
	return nil
}

func (p *memPlane) Drift(_ context.Context, services []pool.Virtual) ([]pool.Drift, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []pool.Drift
	for _, v := range services {
		switch have, there := p.services[v.Name]; {
		case !there:
			all = append(all, pool.Drift{Service: v.Name, What: "the service is gone", Count: 1 + len(v.Destinations)})
		case !reflect.DeepEqual(have, v):
			all = append(all, pool.Drift{Service: v.Name, What: "it differs", Count: 1})
		}
	}
	return all, p.fail
}

func (p *memPlane) Read(_ context.Context, services []pool.Virtual) ([]pool.Reading, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []pool.Reading
	for _, v := range services {
		for _, d := range p.services[v.Name].Destinations {
			all = append(all, pool.Reading{Service: v.Name, Address: d.Address, Weight: d.Weight, Active: p.readings[d.Address.String()]})
		}
	}
	return all, p.fail
}

func (p *memPlane) Close() error { return nil }

func (p *memPlane) SetTimeouts(_ context.Context, t ipvs.Timeouts) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timeouts = append(p.timeouts, t)
	return p.fail
}

func (p *memPlane) Sync(_ context.Context, role pool.SyncRole, _ pool.Sync) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.roles); n == 0 || p.roles[n-1] != role {
		p.roles = append(p.roles, role)
	}
	return nil
}

// wipe is somebody's ipvsadm -C.
func (p *memPlane) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.services)
}

// failing makes calls fail; nil: they don't.
func (p *memPlane) failing(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// hang makes changes wait until the returned function is called.
func (p *memPlane) hang() (goOn func()) {
	hung := make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hung = hung
	return func() { close(hung) }
}

func (p *memPlane) wait(ctx context.Context) error {
	p.mu.Lock()
	hung := p.hung
	p.mu.Unlock()
	if hung == nil {
		return nil
	}
	select {
	case <-hung:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// list is what is programmed: the services with their servers and weights.
func (p *memPlane) list() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(p.services)) {
		text := name
		for _, d := range p.services[name].Destinations {
			text += fmt.Sprintf(" %s=%d", d.Address, d.Weight)
		}
		all = append(all, text)
	}
	return all
}

// played are the roles that the daemon had, one after the other.
func (p *memPlane) played() []pool.SyncRole {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.roles)
}

var errNoPlane = errors.New("the kernel has none of it")

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/ipvs"
)

// lazyPlane is a plane that is opened when it is needed first: a host that does
// without one need not have it, and a reload may bring the first service for it.
type lazyPlane struct {
	open func() (pool.Plane, error)
	log  *slog.Logger

	mu       sync.Mutex
	plane    pool.Plane
	timeouts ipvs.Timeouts // to be set
	due      bool          // they are not yet
	failed   bool          // that was logged
}

var (
	_ pool.Plane      = (*lazyPlane)(nil)
	_ pool.SyncDaemon = (*lazyPlane)(nil)
)

// timed is a plane that forgets silent connections after a time.
type timed interface {
	SetTimeouts(ctx context.Context, t ipvs.Timeouts) error
}

// errNoSync says that a plane does not tell its connections to others.
var errNoSync = errors.New("this plane does not synchronise connections")

// keep has the plane take these timeouts when it is used next.
func (p *lazyPlane) keep(t ipvs.Timeouts) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t != p.timeouts {
		p.timeouts, p.due, p.failed = t, t != ipvs.Timeouts{}, false
	}
}

// opened is the plane, which is opened for it.
func (p *lazyPlane) opened() (pool.Plane, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plane == nil {
		made, err := p.open()
		if err != nil {
			return nil, err
		}
		p.plane = made
	}
	return p.plane, nil
}

// ready is the plane with its timeouts set. Where they can't be it works all the same,
// and they are tried again.
func (p *lazyPlane) ready(ctx context.Context) (pool.Plane, error) {
	plane, err := p.opened()
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	want, due := p.timeouts, p.due
	p.mu.Unlock()
	if t, can := plane.(timed); due && can {
		err := t.SetTimeouts(ctx, want)
		p.timed(want, err)
	}
	return plane, nil
}

// timed notes what came of setting timeouts.
func (p *lazyPlane) timed(want ipvs.Timeouts, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil && !p.failed {
		p.failed = true
		p.log.Warn("IPVS's timeouts are not as configured, it is tried again", slog.Any("err", err))
	}
	if err == nil && want == p.timeouts {
		p.due, p.failed = false, false
	}
}

// Set is the plane's.
func (p *lazyPlane) Set(ctx context.Context, services []pool.Virtual) error {
	plane, err := p.ready(ctx)
	if err != nil {
		return err
	}
	return plane.Set(ctx, services)
}

// Remove is the plane's.
func (p *lazyPlane) Remove(ctx context.Context, services []pool.Virtual) error {
	plane, err := p.opened()
	if err != nil {
		return err
	}
	return plane.Remove(ctx, services)
}

// Drift is the plane's.
func (p *lazyPlane) Drift(ctx context.Context, services []pool.Virtual) ([]pool.Drift, error) {
	plane, err := p.ready(ctx)
	if err != nil {
		return nil, err
	}
	return plane.Drift(ctx, services)
}

// Read is the plane's.
func (p *lazyPlane) Read(ctx context.Context, services []pool.Virtual) ([]pool.Reading, error) {
	plane, err := p.opened()
	if err != nil {
		return nil, err
	}
	return plane.Read(ctx, services)
}

// Sync is the plane's, if it synchronises connections.
func (p *lazyPlane) Sync(ctx context.Context, role pool.SyncRole, s pool.Sync) error {
	plane, err := p.opened()
	if err != nil {
		return err
	}
	daemon, can := plane.(pool.SyncDaemon)
	if !can {
		return errNoSync
	}
	return daemon.Sync(ctx, role, s)
}

// Close closes the plane if it was opened.
func (p *lazyPlane) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.plane == nil {
		return nil
	}
	plane := p.plane
	p.plane = nil
	if err := plane.Close(); err != nil {
		return fmt.Errorf("closing what balances: %w", err)
	}
	return nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/ipvs"
	"github.com/vicar-ha/vicar/pool/nft"
	"github.com/vicar-ha/vicar/vip"
)

// pools are what this node balances: the services, what looks at their servers, and
// the planes. They are there without services too, since a reload may bring some;
// a witness has none.
type pools struct {
	world  poolWorld
	node   string
	pool   *pool.Pool
	checks *checks.Runner // of servers
	planes map[pool.PlaneKind]*lazyPlane
	mover  *poolMover
	files  poolFiles
	host   poolHost
	turn   sync.Mutex    // of those who write down what is drained
	ended  chan struct{} // closed when run has ended
}

// poolWorld is what pools are built with.
type poolWorld struct {
	// open are the planes by kind.
	open     map[pool.PlaneKind]func() (pool.Plane, error)
	journal  string // file; empty: none
	stateDir string
	cluster  string
	tell     func(vip.Event)
	build    func(checks.Kind) (checks.Probe, error)
	forwards func(family int) (bool, error) // whether the host does; nil: nobody asks
	log      *slog.Logger
}

// kernelPlanes are those of the network namespace of the calling thread.
func kernelPlanes(log *slog.Logger) map[pool.PlaneKind]func() (pool.Plane, error) {
	return map[pool.PlaneKind]func() (pool.Plane, error){
		pool.IPVS: func() (pool.Plane, error) {
			p, err := ipvs.New(ipvs.Config{Log: log})
			if err != nil {
				return nil, err // and not a Plane that is a nil *ipvs.Plane
			}
			return p, nil
		},
		pool.NFTables: func() (pool.Plane, error) {
			p, err := nft.New()
			if err != nil {
				return nil, err
			}
			return p, nil
		},
	}
}

// journalOfPools in the runtime directory says what may be programmed.
const journalOfPools = "pools.json"

// newPools builds them. It programs nothing, opens no plane and looks at nothing.
func newPools(c *config.Config, node string, w poolWorld) (*pools, error) {
	w.cluster = c.Cluster
	u := &pools{world: w, node: node, planes: make(map[pool.PlaneKind]*lazyPlane), ended: make(chan struct{})}
	u.mover, u.files.log = newPoolMover(u), w.log
	for kind, open := range w.open {
		u.planes[kind] = &lazyPlane{open: open, log: w.log}
	}
	drained, err := drainedServers(w.stateDir)
	if err != nil {
		return nil, err
	}
	cfg := u.config(c)
	cfg.Drained = drained
	if u.pool, err = pool.New(cfg); err != nil {
		return nil, fmt.Errorf("setting up the pools: %w", err)
	}
	u.checks, err = checks.New(checks.Config{Checks: c.PoolChecks(node), Build: w.build, Log: w.log})
	if err != nil {
		return nil, fmt.Errorf("setting up the checks of the pools: %w", err)
	}
	u.setTimeouts(c)
	u.mover.keep(cfg.Services)
	return u, nil
}

// config is the pool's for a configuration.
func (u *pools) config(c *config.Config) pool.Config {
	cfg := pool.Config{
		Services: c.PoolServices(u.node), Planes: make(map[pool.PlaneKind]pool.Plane), Sync: c.PoolSync(u.node),
		Journal: u.world.journal, Tell: u.world.tell, Cluster: u.world.cluster, Node: u.node, Log: u.world.log,
	}
	for kind, p := range u.planes {
		cfg.Planes[kind] = p
	}
	if p := u.planes[pool.IPVS]; p != nil {
		cfg.Daemon = p
	}
	return cfg
}

// setTimeouts has IPVS take the configuration's when it is used next.
func (u *pools) setTimeouts(c *config.Config) {
	if p := u.planes[pool.IPVS]; p != nil && c.IPVS != nil {
		p.keep(ipvs.Timeouts(c.IPVS.Timeouts))
	}
}

// poolsPrepared is another configuration of the pools, checked and not yet in use.
type poolsPrepared struct {
	pools *pools
	cfg   *config.Config
	looks *checks.Prepared
}

// prepare checks all that is about pools and changes nothing.
func (u *pools) prepare(c *config.Config) (*poolsPrepared, error) {
	if u == nil {
		return nil, nil
	}
	if _, err := pool.New(u.config(c)); err != nil {
		return nil, fmt.Errorf("setting up the pools: %w", err)
	}
	looks, err := u.checks.Prepare(c.PoolChecks(u.node))
	if err != nil {
		return nil, fmt.Errorf("setting up the checks of the pools: %w", err)
	}
	return &poolsPrepared{u, c, looks}, nil
}

func (p *poolsPrepared) discard() {
	if p != nil {
		p.looks.Discard()
	}
}

// mostChanges is how many changes of a reload are logged one by one.
const mostChanges = 20

// apply puts it in use, by difference. That who asked for it does not wait any more ends
// nothing: the routers have their part of it already.
func (p *poolsPrepared) apply(ctx context.Context) error {
	if p == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	u := p.pools
	u.setTimeouts(p.cfg) // before what they are for is set
	changes, err := u.pool.Reload(ctx, p.cfg.PoolServices(u.node), p.cfg.PoolSync(u.node))
	if err != nil {
		return fmt.Errorf("changing the pools: %w", err)
	}
	u.mover.keep(p.cfg.PoolServices(u.node))
	p.looks.Apply()
	if err := u.keepDrained(); err != nil { // those of services that are gone are forgotten
		u.world.log.Warn("what is drained may be another after a restart", slog.Any("err", err))
	}
	for _, change := range changes[:min(mostChanges, len(changes))] {
		u.world.log.Info("changed a pool", slog.String("change", change))
	}
	if more := len(changes) - mostChanges; more > 0 {
		u.world.log.Info("changed more of the pools", slog.Int("more", more))
	}
	return nil
}

// reloaded notes that all of a configuration is in force, and what servers' files have, too, but for
// those that are gone.
func (u *pools) reloaded(gone []string) {
	if u == nil {
		return
	}
	u.files.accept(nil, gone)
	for _, path := range gone {
		u.files.gone(path)
	}
}

// drain takes a server out of service, or back, and remembers that.
func (u *pools) drain(ctx context.Context, d control.PoolDrain) error {
	err := u.pool.Drain(ctx, d.Service, d.Server, d.Drain)
	return errors.Join(err, u.keepDrained())
}

// keepDrained writes down what is drained now.
func (u *pools) keepDrained() error {
	u.turn.Lock()
	defer u.turn.Unlock()
	return keepDrainedServers(u.world.stateDir, u.pool.Drained())
}

func (u *pools) close() {
	for _, p := range u.planes {
		if err := p.Close(); err != nil {
			u.world.log.Warn("closing a plane", slog.Any("err", err))
		}
	}
}

func poolJournal(dir string) string {
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, journalOfPools)
}

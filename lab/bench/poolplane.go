// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/ipvs"
	"github.com/vicar-ha/vicar/pool/nft"
	"github.com/vicar-ha/vicar/track"
)

// How much the planes are given to do.
const (
	manyServices = 500
	manyServers  = 4 // of each
	removals     = 50
	planeRuns    = 3
	planeWaits   = 30 * time.Second
)

// manyFront is where the nth of many services is.
func manyFront(n int) netip.AddrPort { return netip.AddrPortFrom(moving.Addr(), uint16(10_000+n)) }

// manyBack is the nth server of each.
func manyBack(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(11 + n)}), 8080)
}

// manyPools are many services.
func manyPools() []pool.Service {
	var out []pool.Service
	for n := range manyServices {
		s := pool.Service{
			Virtual: pool.Virtual{Name: fmt.Sprintf("s%03d", n), Frontends: []pool.Frontend{pool.Single(pool.TCP, manyFront(n))}, Scheduler: pool.WRR},
			Plane:   planeHere(), Quorum: 1, With: "web",
		}
		for m := range manyServers {
			s.Servers = append(s.Servers, poolServer(s.Name, m))
		}
		out = append(out, s)
	}
	return out
}

// poolServer is the nth server of a service, with one check.
func poolServer(service string, n int) pool.Server {
	a := manyBack(n)
	return pool.Server{
		Destination: pool.Destination{Address: a, Weight: 1}, Name: a.String(), Checks: []string{service + "/" + a.String() + "/tcp"},
	}
}

// timedPlane tells when something was programmed.
type timedPlane struct {
	pool.Plane
	sets chan time.Time
}

// Set implements pool.Plane.
func (t *timedPlane) Set(ctx context.Context, services []pool.Virtual) error {
	err := t.Plane.Set(ctx, services)
	if err == nil {
		t.sets <- time.Now()
	}
	return err
}

// planeRun is a pool with its plane.
type planeRun struct {
	b     *bench
	host  *lab.Host
	plane *timedPlane
	pool  *pool.Pool
}

// poolPlanes measures package pool with the plane of this kernel.
func (b *bench) poolPlanes(ctx context.Context) error {
	for run := range planeRuns {
		m := poolPlane{Plane: string(planeHere()), Run: run, Objects: manyServices * (1 + manyServers)}
		if err := b.poolPlane(ctx, &m); err != nil {
			return err
		}
		b.results.Pools.Planes = append(b.results.Pools.Planes, m)
		b.clock.step(costOfPlane, "%s, %d services, run %d: programmed in %.1f ms, a removal %.2f ms (median), repaired after %.1f ms",
			m.Plane, manyServices, run+1, msec(m.Program), msec(median(m.Removals)), msec(m.Repaired))
	}
	return nil
}

// openPlane opens the plane of this kernel in the host's namespace.
func openPlane(h *lab.Host) (plane pool.Plane, err error) {
	err = h.Do(func() (err error) {
		if planeHere() == pool.IPVS {
			plane, err = ipvs.New(ipvs.Config{})
		} else {
			plane, err = nft.New()
		}
		return err
	})
	return plane, err
}

func (b *bench) poolPlane(ctx context.Context, m *poolPlane) (err error) {
	plane, err := openPlane(b.a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plane.Close()) }()
	r := planeRun{b: b, host: b.a, plane: &timedPlane{Plane: plane, sets: make(chan time.Time, 1000)}}
	r.pool, err = pool.New(pool.Config{
		Services: manyPools(), Planes: map[pool.PlaneKind]pool.Plane{planeHere(): r.plane}, Cluster: "bench", Node: "a",
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- r.pool.Run(running) }()
	err = r.measure(ctx, m)
	stop()
	return errors.Join(err, <-done)
}

// measure does all of it with a pool that runs.
func (r *planeRun) measure(ctx context.Context, m *poolPlane) error {
	var up []track.Result
	for _, s := range manyPools() {
		for _, v := range s.Servers {
			up = append(up, track.Result{Check: v.Checks[0], State: track.Passing})
		}
	}
	r.pool.Put(up)
	begin := time.Now()
	if err := r.pool.Acquire(ctx, "web"); err != nil {
		return err
	}
	m.Program = time.Since(begin)
	if n := r.servers(ctx); n != len(up) {
		return fmt.Errorf("the kernel has %d servers, not %d", n, len(up))
	}
	for n := range removals {
		took, err := r.remove(ctx, up[n*len(up)/removals].Check)
		if err != nil {
			return err
		}
		m.Removals = append(m.Removals, took)
	}
	if err := r.reload(ctx, m); err != nil {
		return err
	}
	r.forget()
	begin = time.Now()
	if err := wipe(ctx, r.host); err != nil {
		return err
	}
	at, err := r.set(ctx)
	m.Repaired = at.Sub(begin)
	return err
}

// servers is how many servers the kernel has.
func (r *planeRun) servers(ctx context.Context) (n int) {
	for _, p := range r.pool.Status(ctx) {
		for _, s := range p.Servers {
			if s.Programmed {
				n++
			}
		}
	}
	return n
}

// remove takes a server out by a check, and back in.
func (r *planeRun) remove(ctx context.Context, check string) (time.Duration, error) {
	r.forget()
	begin := time.Now()
	r.pool.Put([]track.Result{{Check: check, State: track.Failing, Cause: "for the benchmark"}})
	gone, err := r.set(ctx)
	if err != nil {
		return 0, err
	}
	r.pool.Put([]track.Result{{Check: check, State: track.Passing}})
	_, err = r.set(ctx)
	return gone.Sub(begin), err
}

// reload measures reloads.
func (r *planeRun) reload(ctx context.Context, m *poolPlane) error {
	r.forget()
	services := manyPools()
	begin := time.Now()
	changes, err := r.pool.Reload(ctx, services, nil)
	if err != nil {
		return err
	}
	m.Same = time.Since(begin)
	if len(changes) > 0 {
		return fmt.Errorf("a reload of the same has changed: %s", strings.Join(changes, ", "))
	}
	services[0].Servers = append(slices.Clone(services[0].Servers), poolServer(services[0].Name, manyServers))
	begin = time.Now()
	if _, err := r.pool.Reload(ctx, services, nil); err != nil {
		return err
	}
	at, err := r.set(ctx)
	m.Added = at.Sub(begin)
	return err
}

// forget forgets what was programmed before.
func (r *planeRun) forget() {
	for len(r.plane.sets) > 0 {
		<-r.plane.sets
	}
}

// set is when the next thing has been programmed.
func (r *planeRun) set(ctx context.Context) (time.Time, error) {
	limit := time.NewTimer(planeWaits)
	defer limit.Stop()
	select {
	case at := <-r.plane.sets:
		return at, nil
	case <-limit.C:
		return time.Time{}, fmt.Errorf("nothing was programmed within %v", planeWaits)
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// wipe takes away all that balances on a host, as somebody else would.
func wipe(ctx context.Context, h *lab.Host) error {
	if planeHere() == pool.IPVS {
		_, err := h.Run(ctx, "ipvsadm", "-C")
		return err
	}
	_, err := h.Run(ctx, "nft", "flush", "ruleset")
	return err
}

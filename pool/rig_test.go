// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// rig is a pool over planes in memory, in a bubble.
type rig struct {
	t      *testing.T
	plane  *memory
	cfg    pool.Config
	pool   *pool.Pool
	cancel context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	events []string
}

// frontend is 192.0.2.n:80/tcp.
func frontend(n int) pool.Frontend {
	return pool.Single(pool.TCP, netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}), 80))
}

func address(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}), 80)
}

// backend is the server 198.51.100.n:80 with weight w and a check of its own.
func backend(service string, n, w int) pool.Server {
	name := address(n).String()
	return pool.Server{
		Destination: pool.Destination{Address: address(n), Weight: w}, Name: name, Checks: []string{check(service, n)},
	}
}

func check(service string, n int) string { return fmt.Sprintf("%s/%v/http", service, address(n)) }

// virtual is a service at 192.0.2.n.
func virtual(name string, n int, servers ...pool.Server) pool.Service {
	return pool.Service{
		Virtual: pool.Virtual{Name: name, Frontends: []pool.Frontend{frontend(n)}, Scheduler: pool.WRR},
		Plane:   pool.IPVS, Servers: servers, Quorum: 1,
	}
}

// with is a pool that is not started yet.
func with(t *testing.T, services ...pool.Service) *rig {
	r := &rig{t: t, plane: newMemory()}
	r.cfg = pool.Config{Services: services, Node: "lb-1"}
	return r
}

// start starts the pool as configured. It ends with the test.
func (r *rig) start() *rig {
	r.t.Helper()
	r.planes(r.cfg.Planes)
	r.cfg.Tell = r.tell
	p, err := pool.New(r.cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	r.pool, r.cancel, r.ended = p, cancel, make(chan error, 1)
	go func() { r.ended <- p.Run(ctx) }()
	r.t.Cleanup(func() { _ = r.stop() })
	synctest.Wait()
	return r
}

// stop ends the pool, once.
func (r *rig) stop() error {
	if r.cancel == nil {
		return nil
	}
	r.cancel()
	r.cancel = nil
	return <-r.ended
}

func (r *rig) tell(e vip.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, fmt.Sprintf("%s %s %s %s>%s", e.Kind, e.Pool, e.Server, e.From, e.State))
}

// told are the events since the last call.
func (r *rig) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// put tells a check's result and lets all come to rest.
func (r *rig) put(check string, s track.State) {
	r.t.Helper()
	r.pool.Put([]track.Result{{Check: check, State: s, Cause: "refused"}})
	synctest.Wait()
}

// want wants so much programmed.
func (r *rig) want(lines ...string) {
	r.t.Helper()
	if diff := cmp.Diff(lines, r.plane.text()); diff != "" {
		r.t.Errorf("programmed: %s", diff)
	}
}

// wantTold wants these events, and no others, since the last call.
func (r *rig) wantTold(events ...string) {
	r.t.Helper()
	if diff := cmp.Diff(events, r.told()); diff != "" {
		r.t.Errorf("told: %s", diff)
	}
}

// planes makes the rig's plane IPVS, beside others.
func (r *rig) planes(others map[pool.PlaneKind]pool.Plane) {
	r.cfg.Planes = map[pool.PlaneKind]pool.Plane{pool.IPVS: r.plane}
	if p := others[pool.NFTables]; p != nil {
		r.cfg.Planes[pool.NFTables] = p
	}
}

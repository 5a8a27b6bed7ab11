// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
)

var seedFlag = flag.Uint64("seed", 0, "run only this simulation")

// TestSimulation lets checks, reloads, drains, roles, planes, strangers and the
// agent's deaths do what they like, and wants programmed, after some quiet, what
// a model says that only knows how things stand then.
func TestSimulation(t *testing.T) {
	first, last := uint64(1), uint64(200)
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	for seed := first; seed <= last; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) { simulate(t, seed, dir) })
		})
		if t.Failed() {
			t.Fatalf("replay: go test ./pool -run TestSimulation -seed %d", seed)
		}
	}
}

// simulation is one seed's.
type simulation struct {
	*rig
	random  *rand.Rand
	dir     string
	lives   int
	nft     *memory
	results map[string]track.Result
	drained map[string]map[string]bool
	roles   map[string]bool
}

// simulate is one simulation, in a bubble.
func simulate(t *testing.T, seed uint64, dir string) {
	s := &simulation{
		rig: with(t), random: rand.New(rand.NewPCG(seed, 0)), dir: dir, nft: newMemory(),
		results: make(map[string]track.Result), drained: make(map[string]map[string]bool),
	}
	s.nft.named = true
	s.cfg.Services = s.choose()
	s.begin()
	for range 3 {
		for range 25 {
			time.Sleep(time.Duration(s.random.Int64N(int64(700 * time.Millisecond))))
			s.disturb()
		}
		s.calm()
		s.check()
		if t.Failed() {
			return
		}
	}
	for i := range s.cfg.Services {
		s.cfg.Services[i].Keep = false
	}
	s.reload(s.cfg.Services...)
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if left := append(s.plane.text(), s.nft.text()...); len(left) > 0 {
		t.Errorf("after the stop there is\n%q", left)
	}
}

// begin starts the agent, which knows no results and holds nothing.
func (s *simulation) begin() {
	s.lives++
	s.cfg.Journal = filepath.Join(s.dir, fmt.Sprint(s.lives))
	if b, err := os.ReadFile(filepath.Join(s.dir, fmt.Sprint(s.lives-1))); err == nil {
		if err := os.WriteFile(s.cfg.Journal, b, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.cfg.Drained = make(map[string][]string)
	for service, servers := range s.drained {
		s.cfg.Drained[service] = slices.Sorted(maps.Keys(servers))
	}
	clear(s.results)
	s.roles = make(map[string]bool)
	s.told()
	s.planes(map[pool.PlaneKind]pool.Plane{pool.NFTables: s.nft})
	s.start()
}

// die ends the agent without a chance to remove anything: planes and journal stay as they
// are, and what it does from now on happens elsewhere.
func (s *simulation) die() {
	for _, p := range []**memory{&s.plane, &s.nft} {
		old := *p
		old.change(func(m *memory) {
			*p = &memory{named: m.named, at: maps.Clone(m.at), conns: maps.Clone(m.conns), fails: m.fails, slow: m.slow}
			m.stuck, m.slow, m.fails = false, 0, nil
		})
	}
	s.copyJournal()
	_ = s.stop()
	s.restoreJournal()
}

func (s *simulation) copyJournal() {
	if b, err := os.ReadFile(s.cfg.Journal); err == nil {
		_ = os.WriteFile(s.cfg.Journal+".died", b, 0o600)
	}
}

func (s *simulation) restoreJournal() { _ = os.Rename(s.cfg.Journal+".died", s.cfg.Journal) }

// choose makes services of few names, addresses and frontends, so that they come in each other's way.
func (s *simulation) choose() (list []pool.Service) {
	port := 8000
	names := []string{"api", "shop", "web", "zoo"}
	s.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:1+s.random.IntN(4)] {
		v := pool.Service{
			Virtual: pool.Virtual{Name: name, Scheduler: []pool.Scheduler{pool.WRR, pool.RR}[s.random.IntN(2)]},
			Plane:   []pool.PlaneKind{pool.IPVS, pool.IPVS, pool.NFTables}[s.random.IntN(3)],
			Quorum:  1 + s.random.IntN(4), Hysteresis: s.random.IntN(2), Alpha: s.random.IntN(2) == 0, Keep: s.random.IntN(2) == 0,
			With: []string{"", "edge", "core"}[s.random.IntN(3)], DrainLimit: time.Duration(s.random.IntN(2)) * 3 * time.Second,
		}
		for range 1 + s.random.IntN(2) {
			last := port + s.random.IntN(4)
			f := pool.Single(pool.TCP, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.100"), uint16(port)))
			f.LastPort = uint16(last)
			v.Frontends = append(v.Frontends, f)
			port = last + 1 + s.random.IntN(2)
		}
		for n := 11; n < 15; n++ {
			if s.random.IntN(3) == 0 {
				continue
			}
			x := backend(name, n, s.random.IntN(6))
			x.Inhibit = s.random.IntN(4) == 0
			x.SlowStart = time.Duration(s.random.IntN(3)) * time.Second
			if s.random.IntN(4) == 0 {
				x.Checks = append(x.Checks, check(name, n)+"/2")
			}
			v.Servers = append(v.Servers, x)
		}
		if s.random.IntN(2) == 0 {
			v.Sorry = &pool.Server{Destination: pool.Destination{Address: address(99), Weight: 1}, Name: "sorry"}
		}
		list = append(list, v)
	}
	return list
}

// result makes a result of a check.
func (s *simulation) result(check string, state track.State) track.Result {
	r := track.Result{Check: check, State: state, Cause: "refused"}
	switch s.random.IntN(6) {
	case 0:
		r.Weight = &track.Load{Value: s.random.IntN(4)}
	case 1:
		r.Weight = &track.Load{Value: s.random.IntN(150), Percent: true}
	}
	return r
}

func (s *simulation) tellResult(r track.Result) {
	s.results[r.Check] = r
	s.pool.Put([]track.Result{r})
}

// pick is a service and one of its servers.
func (s *simulation) pick() (pool.Service, *pool.Server) {
	v := s.cfg.Services[s.random.IntN(len(s.cfg.Services))]
	if len(v.Servers) == 0 {
		return v, nil
	}
	return v, &v.Servers[s.random.IntN(len(v.Servers))]
}

// disturb does something to the world.
func (s *simulation) disturb() {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Duration(s.random.IntN(500))*time.Millisecond)
	defer cancel()
	v, x := s.pick()
	plane := []*memory{s.plane, s.nft}[s.random.IntN(2)]
	switch s.random.IntN(16) {
	case 0:
		services := s.choose()
		s.reload(services...)
		s.cfg.Services = services
		s.forget()
	case 1, 2:
		router := []string{"edge", "core"}[s.random.IntN(2)]
		if s.roles[router] = s.random.IntN(3) > 0; s.roles[router] {
			_ = s.pool.Acquire(ctx, router)
		} else {
			_ = s.pool.Release(ctx, router)
		}
	case 3, 4:
		if x != nil {
			s.drain(ctx, v.Name, x.Name)
		}
	case 5:
		plane.change(s.fault)
	case 6:
		plane.change(s.tamper)
	case 7:
		plane.change(func(m *memory) { m.conns[address(11+s.random.IntN(4))] = uint64(s.random.IntN(2)) })
	case 8:
		if s.random.IntN(3) == 0 {
			s.restart()
		}
	default:
		if x != nil {
			for _, c := range x.Checks {
				s.tellResult(s.result(c, track.State(s.random.IntN(3))))
			}
		}
	}
}

func (s *simulation) drain(ctx context.Context, service, server string) {
	if s.drained[service] == nil {
		s.drained[service] = make(map[string]bool)
	}
	on := s.random.IntN(2) == 0
	if s.drained[service][server] = on; !on {
		delete(s.drained[service], server)
	}
	_ = s.pool.Drain(ctx, service, server, on)
}

// forget drops the results of servers that are not configured any more, and what is drained of services that
// are not.
func (s *simulation) forget() {
	used := make(map[string]bool)
	for _, v := range s.cfg.Services {
		for _, x := range v.Servers {
			for _, c := range x.Checks {
				used[c] = true
			}
		}
	}
	maps.DeleteFunc(s.results, func(check string, _ track.Result) bool { return !used[check] })
	maps.DeleteFunc(s.drained, func(service string, _ map[string]bool) bool {
		return !slices.ContainsFunc(s.cfg.Services, func(v pool.Service) bool { return v.Name == service })
	})
}

// restart ends the agent, in order or not, and starts another, maybe with another configuration.
func (s *simulation) restart() {
	if s.random.IntN(2) == 0 {
		s.die()
	} else {
		_ = s.stop()
	}
	if s.random.IntN(2) == 0 {
		s.cfg.Services = s.choose()
		s.forget()
	}
	s.begin()
}

// fault makes a plane do its work badly.
func (s *simulation) fault(m *memory) {
	m.stuck, m.slow, m.fails = false, 0, nil
	switch s.random.IntN(4) {
	case 0:
		m.slow = time.Duration(s.random.Int64N(int64(2 * time.Second)))
	case 1:
		m.stuck = true
	case 2:
		bad := []string{"api", "shop", "web", "zoo"}[s.random.IntN(4)]
		m.fails = func(v pool.Virtual) error {
			if v.Name == bad {
				return errors.New("refused")
			}
			return nil
		}
	}
}

// tamper changes what is programmed as a stranger would.
func (s *simulation) tamper(m *memory) {
	for f, v := range m.at {
		switch s.random.IntN(4) {
		case 0:
			delete(m.at, f)
		case 1:
			v.Scheduler = pool.SED
			m.at[f] = v
		case 2:
			v.Destinations = append(slices.Clone(v.Destinations), pool.Destination{Address: address(200)})
			m.at[f] = v
		}
	}
}

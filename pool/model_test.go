// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool_test

import (
	"slices"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/track"
)

// calm ends all disturbances, lets all connections end, and tells a result of each check.
func (s *simulation) calm() {
	for _, m := range []*memory{s.plane, s.nft} {
		m.change(func(m *memory) {
			m.stuck, m.slow, m.fails = false, 0, nil
			clear(m.conns)
		})
	}
	for _, v := range s.cfg.Services {
		for _, x := range v.Servers {
			for _, c := range x.Checks {
				if s.results[c].State == track.Undecided {
					s.tellResult(s.result(c, track.State(1+s.random.IntN(2))))
				}
			}
		}
	}
	time.Sleep(time.Minute)
	synctest.Wait()
}

// check compares what is programmed, drained and told with the model.
func (s *simulation) check() {
	s.t.Helper()
	want := map[pool.PlaneKind][]string{pool.IPVS: nil, pool.NFTables: nil}
	states := map[string]bool{}
	for _, v := range s.cfg.Services {
		up, _ := s.pool.Quorum(v.Name)
		states[v.Name] = up == track.Passing
		want[v.Plane] = append(want[v.Plane], s.model(v, up == track.Passing)...)
	}
	for kind, m := range map[pool.PlaneKind]*memory{pool.IPVS: s.plane, pool.NFTables: s.nft} {
		slices.Sort(want[kind])
		if diff := cmp.Diff(want[kind], m.text()); diff != "" {
			s.t.Errorf("%s: %s", kind, diff)
		}
	}
	for _, p := range s.pool.Status(s.t.Context()) {
		if p.Error != "" || (p.State == "up") != states[p.Name] {
			s.t.Errorf("%s is %s with error %q", p.Name, p.State, p.Error)
		}
	}
	drained := 0
	for service, names := range s.pool.Drained() {
		for _, name := range names {
			if drained++; !s.drained[service][name] {
				s.t.Errorf("%s of %s is drained", name, service)
			}
		}
	}
	for _, names := range s.drained {
		drained -= len(names)
	}
	if drained != 0 {
		s.t.Errorf("%d servers more are drained than should be", drained)
	}
	if s.t.Failed() {
		s.explain()
	}
}

// model is what is to be programmed of a service. Between the two thresholds of
// the quorum it has it or not.
func (s *simulation) model(v pool.Service, up bool) (lines []string) {
	alive, weights := 0, make([]int, len(v.Servers))
	for i, x := range v.Servers {
		w := s.modelWeight(x)
		if s.drained[v.Name][x.Name] {
			continue
		}
		weights[i] = w
		alive += max(0, w)
	}
	if lost := alive == 0 || alive < v.Quorum-v.Hysteresis; lost && up || alive >= v.Quorum+v.Hysteresis && !up {
		s.t.Errorf("%s: quorum %v with %d alive of %d+-%d", v.Name, up, alive, v.Quorum, v.Hysteresis)
	}
	if v.With != "" && !s.roles[v.With] {
		return nil
	}
	sorry := !up && v.Sorry != nil
	for i, x := range v.Servers {
		d := x.Destination
		d.Weight = max(0, weights[i])
		switch {
		case s.drained[v.Name][x.Name], weights[i] < 0 && !x.Inhibit, sorry && !x.Inhibit:
			continue
		case sorry:
			d.Weight = 0
		}
		v.Destinations = append(v.Destinations, d)
	}
	if sorry {
		v.Destinations = append(v.Destinations, v.Sorry.Destination)
	}
	for _, f := range expand(v.Frontends) {
		lines = append(lines, line(v.Virtual, f))
	}
	return lines
}

// modelWeight is a server's, and -1 while a check does not pass.
func (s *simulation) modelWeight(x pool.Server) int {
	least := -1
	for _, c := range x.Checks {
		r := s.results[c]
		if r.State != track.Passing {
			return -1
		}
		if r.Weight == nil {
			continue
		}
		w := r.Weight.Value
		if r.Weight.Percent {
			w = w * x.Weight / 100
			if w == 0 && r.Weight.Value*x.Weight > 0 {
				w = 1
			}
		}
		if least < 0 || w < least {
			least = w
		}
	}
	if least < 0 {
		least = x.Weight
	}
	return least
}

// explain logs how all stands where it is not as it should be.
func (s *simulation) explain() {
	for _, p := range s.pool.Status(s.t.Context()) {
		s.t.Logf("%s on %s: %s, alive %d of %d+-%d, with %q, programmed %v", p.Name, p.Plane, p.State, p.Alive, p.Quorum, p.Hysteresis, p.With, p.Programmed)
		for _, x := range p.Servers {
			s.t.Logf("   %s: %s, weight %d of %d, sorry %v, drained %v", x.Name, x.State, x.Weight, x.Configured, x.Sorry, s.drained[p.Name][x.Name])
		}
	}
}

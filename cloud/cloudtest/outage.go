// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"slices"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// startedAgain: a process that is started again in an outage goes on holding what
// the node's metadata shows that it has, and verifies it after the outage. Where there
// is no metadata it does not hold it.
func startedAgain(s *story) {
	s.needs("an outage", s.Down != nil)
	s.must(s.mover(0, nil).Acquire(s.Context(), s.claim(1)))
	shown := s.reflected(0)
	s.Down(true)
	m := s.mover(0, func(c *cloud.Config) { c.Budget = time.Second })
	s.own(m, s.claim(2))
	err := m.Acquire(s.Context(), s.claim(2))
	if held, _ := m.Held(s.Context(), s.claim(2)); held != shown || (err == nil) != shown {
		s.Fatalf("held: %v, %v; want %v", held, err, shown)
	}
	if !shown {
		return
	}
	if st := m.Status("web"); st.Unverified == "" || !st.Verified.IsZero() || st.Moved != len(s.objects) {
		s.Errorf("the status is %+v", st)
	}
	s.Down(false)
	s.eventually("that it is verified", func() bool {
		st := m.Status("web")
		return st.Unverified == "" && !st.Verified.IsZero() && st.Timeline.Visible > 0
	})
	s.wants(0, "after the outage")
}

// startedAsOther: what another has it does not hold.
func startedAsOther(s *story) {
	s.needs("an outage", s.Down != nil)
	s.must(s.mover(1, nil).Acquire(s.Context(), s.claim(1)))
	s.Down(true)
	m := s.mover(0, func(c *cloud.Config) { c.Budget = time.Second })
	if err := m.Acquire(s.Context(), s.claim(2)); err == nil {
		s.Error("it holds what another has")
	}
	s.Down(false)
	s.wants(1, "after the outage")
}

// reflected tells whether the node's metadata shows that it has all. It may lag.
func (s *story) reflected(node int) bool {
	r, ok := s.Nodes[node].(cloud.Reflector)
	for end := time.Now().Add(10 * time.Second); ok && time.Now().Before(end); pause(100 * time.Millisecond) {
		if has, err := r.Reflected(s.Context(), s.objects); err == nil && len(has) == len(s.objects) && !slices.Contains(has, false) {
			return true
		}
	}
	return false
}

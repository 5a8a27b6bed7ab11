// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// enough is how many adverts of a holder show that it stays: a better Backup
// would have taken over after the first.
const enough = 4

// weighInterval is the routers' advertisement interval.
const weighInterval = 200 * time.Millisecond

// weighedPairs are who weighs with whom, a first.
var weighedPairs = []struct {
	name string
	a, b startWeighed
}{
	{"keepalived and keepalived", weighKeepalived, weighKeepalived},
	{"vicar and vicar", weighVicar, weighVicar},
	{"vicar and keepalived", weighVicar, weighKeepalived},
	{"keepalived and vicar", weighKeepalived, weighVicar},
}

// TestWeights moves addresses by failing checks. All weighings go through their
// steps side by side.
func TestWeights(t *testing.T) {
	for _, p := range weighedPairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			g := newGame(t, world{version: 3, interval: weighInterval})
			newScale(t, g, p.a, p.b).weigh(t)
		})
	}
}

// scale is a game of weighings.
type scale struct {
	g       *game
	capture *capture
	ear     ear
	agents  map[string]weighed // by node
	dir     string
	routers []*weighedRouter
	// late is how long the test itself was kept waiting at most in a step.
	late time.Duration
}

// weighedRouter is a weighing under way.
type weighedRouter struct {
	weighing
	n       int
	step    weighStep
	before  *weighStep // the step before, if any
	begun   int        // how many adverts had been heard when the step began
	right   int        // the same, since when all is as the step has it; -1 if it is not
	excused bool       // somebody spoke with reason, and all is not right again
	why     string     // what is not as the step has it
	problem string
	done    bool
}

func newScale(t *testing.T, g *game, a, b startWeighed) *scale {
	t.Helper()
	s := &scale{g: g, dir: t.TempDir(), capture: startCapture(t, g.l, g.hb)}
	s.ear.capture = s.capture
	for n, w := range weighings {
		s.routers = append(s.routers, &weighedRouter{weighing: w, n: n})
	}
	s.begin(t, 0)
	start := func(f startWeighed, h *lab.Host) weighed {
		return f(t, g.w, h, func(n int, check string) string { return s.file(h.Name, n, check) })
	}
	s.agents = map[string]weighed{"a": start(a, g.ha), "b": start(b, g.hb)}
	return s
}

// file is where a node's check of the n-th weighing looks.
func (s *scale) file(node string, n int, check string) string {
	return filepath.Join(s.dir, node, checkName(n, check))
}

// weigh goes through the steps and reports each weighing as a test.
func (s *scale) weigh(t *testing.T) {
	for n := 0; ; n++ {
		if n > 0 && !s.begin(t, n) {
			break
		}
		s.settle(t)
	}
	for _, r := range s.routers {
		t.Run(r.name, func(t *testing.T) {
			t.Logf("on the wire: %s", s.ear.story(weighedVRID(r.n)))
			if r.problem != "" {
				t.Error(r.problem)
			}
		})
	}
	s.capture.judge(t, s.g.w, s.g.sources(t)...)
}

// begin sets the checks as the weighings' n-th steps have them, and tells
// whether there was one.
func (s *scale) begin(t *testing.T, n int) bool {
	t.Helper()
	some := false
	for _, r := range s.routers {
		r.done = r.problem != "" || n >= len(r.steps)
		if r.done {
			continue
		}
		some = true
		r.begun, r.right, r.excused, r.step = len(s.ear.adverts), -1, false, r.steps[n]
		if n > 0 {
			r.before = &r.steps[n-1]
		}
		for _, node := range []string{"a", "b"} {
			for _, tr := range r.tracks {
				setCheck(t, s.file(node, r.n, tr.Check), !r.step.fails(node, tr.Check))
			}
		}
	}
	return some
}

// settle waits until all is as the steps have it and stays so.
func (s *scale) settle(t *testing.T) {
	t.Helper()
	end := time.NewTimer(patience)
	defer end.Stop()
	const every = 50 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	s.late = 0
	looked := time.Now()
	for !s.settled(t) {
		select {
		case <-tick.C:
			s.late = max(s.late, time.Since(looked)-every)
			looked = time.Now()
		case <-end.C:
			for _, r := range s.routers {
				if !r.done {
					r.problem = fmt.Sprintf("waited %v in vain for %v: %s", patience, r.step, r.why)
				}
			}
			return
		}
	}
}

// settled looks once at all that are not done, and tells whether there is none.
func (s *scale) settled(t *testing.T) bool {
	t.Helper()
	s.ear.listen()
	held := make(map[string][]netip.Prefix)
	sides := make(map[string][]side)
	for _, h := range []*lab.Host{s.g.ha, s.g.hb} {
		var err error
		held[h.Name], err = h.Addresses()
		labtest.OK(t, err)
		sides[h.Name] = s.agents[h.Name].sides()
	}
	all := true
	for _, r := range s.routers {
		if r.done {
			continue
		}
		r.why = ""
		for node := range sides {
			r.lookAt(node, sides[node], held[node])
		}
		r.hear(t, s.ear.adverts, s.g.w.nodes(), s.late > weighInterval)
		all = all && r.done
	}
	return all
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"strings"
	"time"

	"github.com/vicar-ha/vicar/track"
)

// The ramp of a slow start: at most so many steps, that far apart at least.
const (
	rampSteps = 20
	rampStep  = 100 * time.Millisecond
)

// maxWeight is the largest weight that a plane can program.
const maxWeight = 65535

// drainage is how far a server is on its way out.
type drainage uint8

const (
	serving  drainage = iota
	draining          // weight 0, while its connections finish
	drained           // removed
)

// server is how a real server stands. It is pure: time comes in.
type server struct {
	Server
	// decided: it has had a verdict. Before that, up is what is presumed.
	decided, up bool
	// left: it has no verdict and stays as it was in the kernel, with this weight.
	left  bool
	carry int    // its weight there
	full  int    // its weight as its checks say, without ramp
	cause string // why it is down
	since time.Time
	ramp  time.Time // when it began to rise; zero while it does not
	drain drainage
	out   time.Time // when it was drained

	ups, downs uint64
}

// newServer is a server without a result.
func newServer(cfg Server, alpha bool, now time.Time) *server {
	return &server{Server: cfg, up: !alpha, full: cfg.Weight, since: now}
}

// verdict is what the checks make of a server: Failing if one fails, Undecided if
// one has no result. full is the lowest weight that they found, and the
// configured one where none did.
func (s *server) verdict(service string, results map[string]track.Result) (state track.State, cause string, full int) {
	state, full = track.Passing, -1
	var causes []string
	for _, name := range s.Checks {
		r, known := results[name]
		switch {
		case !known, r.State == track.Undecided:
			if state == track.Passing {
				state = track.Undecided
			}
		case r.State == track.Failing:
			state = track.Failing
			causes = append(causes, strings.TrimPrefix(name, service+"/"+s.Name+"/")+": "+r.Cause)
		case r.Weight != nil:
			if w := carried(*r.Weight, s.Weight); full < 0 || w < full {
				full = w
			}
		}
	}
	if full < 0 {
		full = s.Weight
	}
	return state, strings.Join(causes, "; "), full
}

// carried is the weight that a check has found. A part of a weight is never
// rounded to 0: that is to be said.
func carried(l track.Load, configured int) int {
	if !l.Percent {
		return min(l.Value, maxWeight)
	}
	w := min(l.Value, maxWeight) * configured / 100
	if w == 0 && l.Value > 0 && configured > 0 {
		w = 1
	}
	return min(w, maxWeight)
}

// judge takes what the checks say, and tells whether that is another verdict. A
// server that has had one keeps it while a check has no result (it was put in
// use by a reload): that must not move connections.
func (s *server) judge(service string, results map[string]track.Result, now time.Time) (changed bool) {
	state, cause, full := s.verdict(service, results)
	if state == track.Undecided {
		return false
	}
	up := state == track.Passing
	first := !s.decided
	changed = first || up != s.up
	s.full, s.cause = full, cause
	if !changed {
		return false
	}
	s.decided, s.up, s.left, s.since = true, up, false, now
	s.ramp = time.Time{}
	switch {
	case !up:
		s.downs++
	case first:
		s.ups++
	default:
		s.ups++
		s.rise(now)
	}
	return true
}

// rise begins the slow start, if it has one.
func (s *server) rise(now time.Time) {
	if s.SlowStart > 0 {
		s.ramp = now
	}
}

// counts is its part of the quorum: slow start does not lessen it.
func (s *server) counts() int {
	switch {
	case !s.up || s.drain != serving:
		return 0
	case s.left:
		return s.carry
	default:
		return s.full
	}
}

// weight is what it is programmed with, and when that changes by itself.
func (s *server) weight(now time.Time) (w int, next time.Time) {
	switch {
	case !s.up || s.drain != serving:
		return 0, time.Time{}
	case s.left:
		return s.carry, time.Time{}
	case s.ramp.IsZero(), s.full <= 1, now.Sub(s.ramp) >= s.SlowStart: // which a reload may have shortened
		s.ramp = time.Time{}
		return s.full, time.Time{}
	}
	steps := min(max(int(s.SlowStart/rampStep), 1), rampSteps)
	step := int(s.SlowStart) / steps
	k := max(0, int(now.Sub(s.ramp))/step)
	if k >= steps {
		s.ramp = time.Time{}
		return s.full, time.Time{}
	}
	return 1 + (s.full-1)*k/steps, s.ramp.Add(time.Duration((k + 1) * step))
}

// programmed tells whether the kernel is to have it, if the sorry server does not
// serve.
func (s *server) programmed() bool {
	switch s.drain {
	case drained:
		return false
	case draining:
		return true
	default:
		return s.up || s.Inhibit
	}
}

// state is what is shown of it.
func (s *server) state() string {
	switch {
	case s.drain == drained:
		return "drained"
	case s.drain == draining:
		return "draining"
	case !s.decided:
		return "undecided"
	case !s.up:
		return "down"
	case !s.ramp.IsZero():
		return "starting"
	default:
		return "up"
	}
}

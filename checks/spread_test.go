// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// many are n checks and what looks at them.
func many(n int) (map[string]checks.Probe, []checks.Check) {
	probes := make(map[string]checks.Probe)
	var list []checks.Check
	for i := range n {
		name := fmt.Sprintf("%04d", i)
		probes[name] = &double{}
		list = append(list, sample(name))
	}
	return probes, list
}

// all is when the doubles looked, in order.
func (r *rig) all() (list []time.Duration) {
	for _, p := range r.probes {
		list = append(list, p.(*double).begins(r.begin)...)
	}
	slices.Sort(list)
	return list
}

// density is the least and the most begins in any window of some length, of
// those that begin at a begin.
func density(begins []time.Duration, window time.Duration) (least, most int) {
	least = len(begins)
	for i, from := range begins {
		if begins[len(begins)-1] < from+window {
			break
		}
		n, _ := slices.BinarySearch(begins[i:], from+window)
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// TestSpread: the first looks follow one another at once, the others fill the
// interval evenly, and still do with twice as many checks.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes, list := many(1000)
		half := list[:500]
		r := newRig(t, probes, half...).watch()
		r.to(60 * time.Millisecond)
		if first := r.all(); len(first) < 500 {
			t.Errorf("%d looks in the first 60 ms, want 500 first ones at least", len(first))
		}
		r.to(5 * time.Second)
		begins := r.all()
		at, _ := slices.BinarySearch(begins, time.Second)
		least, most := density(begins[at:], 200*time.Millisecond)
		t.Logf("500 checks: %d to %d looks in 200 ms", least, most)
		if least < 80 || most > 120 {
			t.Errorf("500 checks: %d to %d looks in 200 ms, want about 100", least, most)
		}
		r.prepare(list...).Apply()
		r.to(10 * time.Second)
		begins = r.all()
		at, _ = slices.BinarySearch(begins, 6*time.Second)
		least, most = density(begins[at:], 100*time.Millisecond)
		t.Logf("1000 checks: %d to %d looks in 100 ms", least, most)
		if least < 75 || most > 125 { // a window may begin and end with a step
			t.Errorf("1000 checks: %d to %d looks in 100 ms, want about 100", least, most)
		}
		r.stop()
	})
}

// TestThousand: a thousand checks that fail together are failing an interval
// later, each looked at once a second and told once.
func TestThousand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes, list := many(1000)
		begin := time.Now()
		for _, p := range probes {
			p.(*double).answer = func(context.Context, int) error {
				if time.Since(begin) >= 5*time.Second {
					return errRefused
				}
				return nil
			}
		}
		r := newRig(t, probes, list...).watch()
		r.to(4999 * time.Millisecond)
		if n := len(r.states()); n != 2000 {
			t.Errorf("%d tellings, want undecided and passing of each check", n)
		}
		r.to(6 * time.Second)
		if n := len(r.states()); n != 3000 {
			t.Errorf("%d tellings, want failing of each check too", n)
		}
		for _, s := range r.runner.Status() {
			if s.State != "failing" || s.Failed > 2 || s.Late+s.TimedOut > 0 {
				t.Errorf("status %+v, want failing", s)
			}
		}
		for name, p := range probes {
			begins := p.(*double).begins(r.begin)
			for i := 2; i < len(begins); i++ { // the first is before its phase
				if gap := begins[i] - begins[i-1]; gap != time.Second {
					t.Errorf("%s: %v between two looks", name, gap)
				}
			}
			if gap := begins[1] - begins[0]; gap <= 0 || gap > time.Second {
				t.Errorf("%s: %v between the first two looks", name, gap)
			}
		}
		r.stop()
	})
}

// TestJitter: the waits differ, within what was asked for.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sample("a")
		c.Jitter = 0.25
		r, d := start(t, c, nil)
		r.to(200 * time.Second)
		begins := d.begins(r.begin)
		shortest, longest := time.Hour, time.Duration(0)
		for i := 2; i < len(begins); i++ { // the first is to the phase
			gap := begins[i] - begins[i-1]
			shortest, longest = min(shortest, gap), max(longest, gap)
		}
		if shortest < 750*time.Millisecond || longest > 1250*time.Millisecond {
			t.Errorf("waits of %v to %v, want 750ms to 1.25s", shortest, longest)
		}
		if shortest > 900*time.Millisecond || longest < 1100*time.Millisecond {
			t.Errorf("waits of %v to %v in 200 s: is that random?", shortest, longest)
		}
		r.stop()
	})
}

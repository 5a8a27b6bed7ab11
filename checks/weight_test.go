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
	"github.com/vicar-ha/vicar/track"
)

// scale is a double that finds weights.
type scale struct {
	double
	finds func(n int) *track.Load
}

func (s *scale) Weight() *track.Load { return s.finds(len(s.begins(time.Time{})) - 1) }

// weights is what was told, as "1s failing" or "2s passing 10".
func (r *rig) weights() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]string, len(r.told))
	for i, s := range r.told {
		list[i] = fmt.Sprintf("%v %v", s.at, s.result.State)
		if w := s.result.Weight; w != nil {
			list[i] += fmt.Sprintf(" %d", w.Value)
		}
	}
	return list
}

// end ends Watch, whose doubles are not of the usual kind.
func (r *rig) end() {
	r.t.Helper()
	r.cancel()
	if err := <-r.ended; err != nil {
		r.t.Errorf("Watch: %v", err)
	}
}

// TestWeight: a weight is told with the state, and when it has changed while the
// check passes; a check that fails has none, and looks that do not pass change none.
func TestWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := "PPPFPFFFPPPPP"
		found := []int{5, 5, 7, 0, 7, 0, 0, 0, 9, 9, 9, -1, 3}
		s := &scale{finds: func(n int) *track.Load {
			if v := found[min(n, len(found)-1)]; v >= 0 {
				return &track.Load{Value: v}
			}
			return nil
		}}
		s.answer = outcomes(answers)
		c := sample("a")
		c.Rise, c.Fall = 2, 2
		r := newRig(t, map[string]checks.Probe{"a": s}, c).watch()
		r.to(12500 * time.Millisecond)
		want := []string{
			"0s undecided",
			"0s passing 5",
			"2s passing 7", // and not again at 4s, after a look that failed
			"6s failing",   // the second in a row
			"9s passing 9",
			"11s passing", // says none any more
			"12s passing 3",
		}
		if got := r.weights(); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		r.end()
		s.check(t, "a")
	})
}

// TestWeightReload: a check that goes on keeps its weight, and one that looks at
// something else begins without.
func TestWeightReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		weighed := func(v int) *scale {
			return &scale{finds: func(int) *track.Load { return &track.Load{Value: v} }}
		}
		a, b := weighed(5), weighed(6)
		r := newRig(t, map[string]checks.Probe{"a": a, "b": b}, sample("a")).watch()
		r.to(1500 * time.Millisecond)
		slower := sample("a")
		slower.Interval = 10 * time.Second
		reload := func(c checks.Check) {
			p, err := r.runner.Prepare([]checks.Check{c})
			if err != nil {
				t.Fatal(err)
			}
			p.Apply()
			synctest.Wait()
		}
		reload(slower)
		other := slower
		other.Kind = kind("b")
		r.to(2500 * time.Millisecond)
		reload(other)
		r.to(20 * time.Second)
		want := []string{"0s undecided", "0s passing 5", "2.5s undecided", "2.5s passing 6"}
		if got := r.weights(); !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		r.end()
	})
}

// TestWeightLate: what comes after the time-out is no weight.
func TestWeightLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scale{finds: func(int) *track.Load { return &track.Load{Value: 5} }}
		s.answer = func(_ context.Context, _ int) error {
			time.Sleep(505 * time.Millisecond)
			return nil
		}
		r := newRig(t, map[string]checks.Probe{"a": s}, sample("a")).watch()
		r.to(3 * time.Second)
		if got, want := r.weights(), []string{"0s undecided", "505ms failing"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		r.end()
	})
}

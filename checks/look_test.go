// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// TestSlowLook: the next look begins when a long one ends, and later ones are
// where they would have been.
func TestSlowLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sample("a")
		c.Timeout = 5 * time.Second
		r, d := start(t, c, func(ctx context.Context, n int) error {
			if n == 1 {
				return wait(ctx, 3300*time.Millisecond)
			}
			return nil
		})
		r.to(6500 * time.Millisecond)
		want := []time.Duration{0, time.Second, 4300 * time.Millisecond, 5 * time.Second, 6 * time.Second}
		if got := d.begins(r.begin); !slices.Equal(got, want) {
			t.Errorf("looks began at %v, want %v", got, want)
		}
		if s := r.status("a"); s.Late != 1 || s.Passed != 5 {
			t.Errorf("%d late, %d passed, want 1 and 5", s.Late, s.Passed)
		}
		r.stop()
	})
}

// TestHang: a probe that ignores its context holds up nobody, is not started
// again, and comes to its verdict when one that times out would.
func TestHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := sample("a")
		hung.Fall = 3
		d := &double{answer: func(_ context.Context, n int) error {
			if n == 1 {
				time.Sleep(5200 * time.Millisecond) // in the bubble, whatever ctx says
			}
			return nil
		}}
		other := &double{}
		r := newRig(t, map[string]checks.Probe{"a": d, "b": other}, hung, sample("b")).watch()
		const over = 70 * time.Millisecond // 20 ms and a tenth of the timeout
		r.to(1500*time.Millisecond + over)
		s := r.status("a")
		if s.Outcome != "timeout" || s.State != "passing" || s.Row != 1 || s.Took != 500*time.Millisecond+over ||
			s.Cause != "no answer within 500ms: the look was told to end and goes on after 570ms" {
			t.Errorf("status %+v, want a first timeout", s)
		}
		r.to(3600 * time.Millisecond)
		if s := r.status("a"); s.State != "failing" || s.TimedOut != 3 || s.At != r.begin.Add(3500*time.Millisecond+over) {
			t.Errorf("status %+v, want failing after 3 timeouts at 3.57s", s)
		}
		r.to(6400 * time.Millisecond)
		want := []time.Duration{0, time.Second, 6200 * time.Millisecond}
		if got := d.begins(r.begin); !slices.Equal(got, want) {
			t.Errorf("looks began at %v, want %v", got, want)
		}
		if s := r.status("a"); s.State != "passing" || s.TimedOut != 5 || s.Passed != 2 || s.Late != 1 {
			t.Errorf("status %+v, want 5 timeouts, 2 passes, 1 late", s)
		}
		if n := len(other.begins(r.begin)); n != 7 {
			t.Errorf("the other check looked %d times, want 7", n)
		}
		r.stop()
	})
}

// alarm is a double that asks for looks at times from the beginning.
type alarm struct {
	*double
	at  []time.Duration
	err error // of Wake after these
}

func (a alarm) Wake(ctx context.Context, look func()) error {
	begin := time.Now()
	for _, at := range a.at {
		if wait(ctx, at-time.Since(begin)) != nil {
			return nil
		}
		look()
	}
	if a.err != nil {
		return a.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestWake(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		name string
		at   []time.Duration
		took time.Duration // a look
		want []time.Duration
	}{
		{"at once, beside the interval", []time.Duration{300 * ms, 1700 * ms}, 0, []time.Duration{0, 300 * ms, 1000 * ms, 1700 * ms, 2000 * ms}},
		{"one more after the look in hand", []time.Duration{100 * ms}, 250 * ms, []time.Duration{0, 250 * ms, 1000 * ms, 2000 * ms}},
		{"many are one", []time.Duration{50 * ms, 100 * ms, 150 * ms, 200 * ms}, 250 * ms, []time.Duration{0, 250 * ms, 1000 * ms, 2000 * ms}},
		{"not all the time", []time.Duration{500 * ms, 501 * ms, 502 * ms, 503 * ms}, 0, []time.Duration{0, 500 * ms, 510 * ms, 1000 * ms, 2000 * ms}},
		{"across the interval's", []time.Duration{900 * ms}, 150 * ms, []time.Duration{0, 900 * ms, 1050 * ms, 2000 * ms}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &double{answer: func(ctx context.Context, _ int) error { return wait(ctx, tt.took) }}
				r := newRig(t, map[string]checks.Probe{"a": alarm{d, tt.at, nil}}, sample("a")).watch()
				r.to(2500 * ms)
				if got := d.begins(r.begin); !slices.Equal(got, tt.want) {
					t.Errorf("looks began at %v, want %v", got, tt.want)
				}
				if s := r.status("a"); s.Late != 0 {
					t.Errorf("%d late: no look went on for longer than the interval", s.Late)
				}
				r.stop()
				d.check(t, "a")
			})
		})
	}
}

// TestWakeFirst: what a probe asks for at first is the first look, not one more.
func TestWakeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes, list := map[string]checks.Probe{}, []checks.Check{}
		doubles := map[string]*double{}
		for i := range 20 {
			name := fmt.Sprintf("%02d", i)
			doubles[name] = &double{}
			probes[name] = alarm{doubles[name], []time.Duration{0}, nil}
			list = append(list, sample(name))
		}
		r := newRig(t, probes, list...).watch()
		r.to(5 * time.Millisecond)
		for name, d := range doubles {
			if name == "00" {
				continue // was due already: what changed while it looked is looked at again
			}
			if got := d.begins(r.begin); !slices.Equal(got, []time.Duration{0}) {
				t.Errorf("%s looked at %v, want 0s", name, got)
			}
		}
		r.stop()
	})
}

// TestWakeFails: a probe that can't watch is looked at all the same.
func TestWakeFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{}
		err := errors.New("subscribing to process events: operation not permitted")
		r := newRig(t, map[string]checks.Probe{"a": alarm{d, nil, err}}, sample("a")).watch()
		r.to(3500 * time.Millisecond)
		if n := len(d.begins(r.begin)); n != 4 {
			t.Errorf("%d looks, want 4", n)
		}
		lines := r.lines("watched")
		if len(lines) != 1 || !strings.Contains(lines[0], "level=INFO") || !strings.Contains(lines[0], err.Error()) {
			t.Errorf("want one line that says why, got %q", lines)
		}
		r.stop()
	})
}

// TestWakeEnds: that Watch ends is no news.
func TestWakeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{}
		r := newRig(t, map[string]checks.Probe{"a": alarm{d, nil, nil}}, sample("a")).watch()
		r.to(time.Second)
		r.stop()
		d.check(t, "a")
		if lines := r.lines("watched"); len(lines) > 0 {
			t.Errorf("the log has %q", lines)
		}
	})
}

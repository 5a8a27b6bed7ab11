// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// prepare wants no error.
func (r *rig) prepare(list ...checks.Check) *checks.Prepared {
	r.t.Helper()
	p, err := r.runner.Prepare(list)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// with is a check that is changed.
func with(c checks.Check, change func(*checks.Check)) checks.Check {
	change(&c)
	return c
}

// TestReload: one check stays, one goes, one comes.
func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := &double{}, &double{answer: outcomes("F")}, &double{}
		r := newRig(t, map[string]checks.Probe{"a": a, "b": b, "c": c}, sample("a"), sample("b")).watch()
		r.to(2500 * time.Millisecond)
		since := r.status("a").Since
		r.prepare(sample("c"), sample("a")).Apply()
		r.to(5500 * time.Millisecond)
		r.wantTold("0s a undecided", "0s b undecided", "0s a passing", "100µs b failing",
			"2.5s c undecided", "2.5s c passing")
		want := []time.Duration{0, 1 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second}
		if got := a.begins(r.begin); !slices.Equal(got, want) {
			t.Errorf("a looked at %v, want %v as if nothing had been", got, want)
		}
		if s := r.status("a"); s.Passed != 6 || s.Since != since {
			t.Errorf("a's status is %+v, want it to go on", s)
		}
		b.check(t, "b")
		if n := len(b.begins(r.begin)); n != 3 {
			t.Errorf("b looked %d times, want 3", n)
		}
		if n := len(r.runner.Status()); n != 2 {
			t.Errorf("%d checks in status, want 2", n)
		}
		r.stop()
	})
}

// TestReloadChanges: what a change of one field does.
func TestReloadChanges(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*checks.Check)
		kept   bool
		told   []string // from the reload at 2.5s to 5.2s
		looks  []time.Duration
	}{
		{"nothing", func(*checks.Check) {}, true, nil, []time.Duration{3000, 4000, 5000}},
		{"interval", func(c *checks.Check) { c.Interval = 400 * time.Millisecond }, true, nil, []time.Duration{2800, 3200, 3600, 4000, 4400, 4800, 5200}},
		{"timeout", func(c *checks.Check) { c.Timeout = time.Second }, true, nil, []time.Duration{3000, 4000, 5000}},
		{"rise", func(c *checks.Check) { c.Rise = 4 }, true, []string{"4s a passing"}, []time.Duration{3000, 4000, 5000}},
		{"initial", func(c *checks.Check) { c.InitialPass = true }, true, nil, []time.Duration{3000, 4000, 5000}},
		{"kind", func(c *checks.Check) { c.Kind = kind("other") }, false, []string{"2.5s a undecided", "2.5s a passing"}, nil},
		{"kind, initial", func(c *checks.Check) { c.Kind, c.InitialPass = kind("other"), true }, false, []string{"2.5s a passing"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := sample("a")
				c.Rise = 20
				a, other := &double{answer: outcomes("FP")}, &double{}
				r := newRig(t, map[string]checks.Probe{"a": a, "other": other}, c).watch()
				r.to(2500 * time.Millisecond)
				if s := r.status("a"); s.State != "failing" || s.Row != 2 {
					t.Fatalf("a's status is %+v, want a row of 2", s)
				}
				told := len(r.states())
				r.prepare(with(c, tt.change)).Apply()
				r.to(5200 * time.Millisecond)
				if got := r.states()[told:]; !slices.Equal(got, tt.told) {
					t.Errorf("told %q, want %q", got, tt.told)
				}
				got := a.begins(r.begin)[3:]
				for i := range got {
					got[i] /= time.Millisecond
				}
				if !slices.Equal(got, tt.looks) {
					t.Errorf("looked at %d ms, want %d", got, tt.looks)
				}
				if n := a.closes(); tt.kept != (n == 0) {
					t.Errorf("the probe was closed %d times", n)
				}
				r.prepare(with(c, tt.change)).Discard()
				if !tt.kept {
					delete(r.probes, "a")
				} else {
					delete(r.probes, "other")
				}
				r.stop()
			})
		})
	}
}

// TestReloadUndecided: initial pass counts as long as there is no result.
func TestReloadUndecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := sample("a")
		c.Timeout, c.Fall = time.Hour, 2
		r, _ := start(t, c, func(ctx context.Context, _ int) error {
			if wait(ctx, time.Minute) != nil {
				return ctx.Err()
			}
			return errRefused
		})
		r.to(time.Second)
		r.prepare(with(c, func(c *checks.Check) { c.InitialPass = true })).Apply()
		r.to(130 * time.Second)
		r.wantTold("0s a undecided", "1s a passing", "2m0s a failing")
		r.stop()
	})
}

// TestReloadHung: a check that looks at something else does not wait for the
// look that hangs, and Watch does.
func TestReloadHung(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &double{answer: func(context.Context, int) error {
			time.Sleep(10 * time.Second) // in the bubble, whatever ctx says
			return nil
		}}
		other := &double{}
		r := newRig(t, map[string]checks.Probe{"a": d, "other": other}, sample("a")).watch()
		r.to(1800 * time.Millisecond)
		r.prepare(with(sample("a"), func(c *checks.Check) { c.Kind = kind("other") })).Apply()
		r.to(3 * time.Second)
		r.wantTold("0s a undecided", "570ms a failing", "1.8s a undecided", "1.8s a passing")
		if d.closes() != 0 {
			t.Error("the probe was closed while it looked")
		}
		r.to(11 * time.Second)
		d.check(t, "a")
		r.wantTold("0s a undecided", "570ms a failing", "1.8s a undecided", "1.8s a passing")
		r.stop()
	})
}

// TestReloadMeetsResult: a look that ends when its check is removed says nothing
// any more, whichever the loop sees first.
func TestReloadMeetsResult(t *testing.T) {
	for range 100 {
		synctest.Test(t, func(t *testing.T) {
			d := &double{answer: func(_ context.Context, n int) error {
				time.Sleep(100 * time.Millisecond) // in the bubble
				return outcomes("PF")(t.Context(), n)
			}}
			r := newRig(t, map[string]checks.Probe{"a": alarm{d, []time.Duration{1100 * time.Millisecond}, nil}}, sample("a")).watch()
			r.to(500 * time.Millisecond)
			p := r.prepare()
			time.Sleep(600 * time.Millisecond)
			p.Apply()
			told := len(r.states())
			r.to(5 * time.Second)
			if got := r.states(); len(got) != told {
				t.Errorf("told %q after it was removed", got[told:])
			}
			r.stop()
			d.check(t, "a")
		})
	}
}

// TestPrepareFails: all that is wrong is told, and nothing has changed.
func TestPrepareFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &double{}, &double{}
		r := newRig(t, map[string]checks.Probe{"a": a, "b": b}, sample("a")).watch()
		r.to(500 * time.Millisecond)
		slow := with(sample("a"), func(c *checks.Check) { c.Interval = -1 })
		_, err := r.runner.Prepare([]checks.Check{sample("odd"), slow, sample("b")})
		want := "check a: the interval -1ns is not above 0\ncheck odd: no probe for odd"
		if err == nil || err.Error() != want {
			t.Errorf("Prepare says\n%v\nwant\n%s", err, want)
		}
		b.check(t, "b")
		r.to(2500 * time.Millisecond)
		if got := a.begins(r.begin); len(got) != 3 {
			t.Errorf("a looked at %v", got)
		}
		r.wantTold("0s a undecided", "0s a passing")
		r.prepare(sample("a")).Discard() // there is room for another
		r.stop()
	})
}

// TestPrepared: one at a time, ended once.
func TestPrepared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &double{}, &double{}
		r := newRig(t, map[string]checks.Probe{"a": a, "b": b}, sample("a"))
		p := r.prepare(sample("a"), sample("b"))
		if _, err := r.runner.Prepare(nil); !errors.Is(err, checks.ErrPending) {
			t.Errorf("a second Prepare says %v", err)
		}
		p.Discard()
		p.Apply()
		p.Discard()
		b.check(t, "b")
		if n := len(r.runner.Status()); n != 1 {
			t.Errorf("%d checks after Discard, want 1", n)
		}

		b.closed = 0
		p = r.prepare(sample("b")) // before Watch
		p.Apply()
		p.Discard()
		p.Apply()
		a.check(t, "a")
		if s := r.runner.Status(); len(s) != 1 || s[0].Name != "b" {
			t.Errorf("status after Apply: %+v", s)
		}
		delete(r.probes, "a")
		r.watch()
		r.to(time.Second)
		r.wantTold("0s b undecided", "0s b passing")
		r.stop()

		r.probes["a"], a.closed = a, 0
		r.prepare(sample("a"), sample("b")).Apply() // after Watch
		a.check(t, "a")
		if s := r.runner.Status(); len(s) != 1 || s[0].Name != "b" {
			t.Errorf("status after the end: %+v", s)
		}
	})
}

// TestCloseFails: that is in the log.
func TestCloseFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, map[string]checks.Probe{"a": sticky{}}, sample("a")).watch()
		r.stop()
		if lines := r.lines("could not be closed"); len(lines) != 1 || !strings.Contains(lines[0], "check=a err=stuck") {
			t.Errorf("the log has %q", lines)
		}
	})
}

type sticky struct{}

func (sticky) Probe(context.Context) error { return nil }
func (sticky) Close() error                { return errors.New("stuck") }

// TestConcurrent is for the race detector: status and reloads at any time.
func TestConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		probes, list := many(50)
		for _, p := range probes {
			p.(*double).answer = outcomes("PFTPPFF")
		}
		r := newRig(t, probes, list[:25]...).watch()
		ask := func() {
			for time.Since(r.begin) < 5*time.Second {
				if n := len(r.runner.Status()); n != 25 && n != 50 {
					t.Errorf("status of %d checks, want all before a reload or all after it", n)
				}
				time.Sleep(time.Millisecond)
			}
		}
		reload := func() {
			for time.Since(r.begin) < 5*time.Second {
				if p, err := r.runner.Prepare(list); err == nil {
					p.Apply()
				} else if !errors.Is(err, checks.ErrPending) {
					t.Error(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		go ask()
		go ask()
		go reload()
		go reload()
		r.to(6 * time.Second)
		r.stop()
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// ends ends Watch and wants it to return after a time, with an error that says
// so, or none.
func (r *rig) ends(after time.Duration, say string) {
	r.t.Helper()
	before := time.Now()
	r.cancel()
	err := <-r.ended
	switch {
	case say == "" && err != nil:
		r.t.Errorf("Watch: %v", err)
	case say != "" && (!errors.Is(err, checks.ErrStuck) || err.Error() != say):
		r.t.Errorf("Watch says %v, want %q", err, say)
	}
	if took := time.Since(before); took != after {
		r.t.Errorf("Watch returned after %v, want %v", took, after)
	}
}

// TestHangAtTheEnd: Watch waits for a look, and not for one that never ends.
func TestHangAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := start(t, sample("a"), func(context.Context, int) error {
			time.Sleep(time.Minute) // in the bubble
			return nil
		})
		r.to(59 * time.Second)
		r.ends(time.Second, "")
		d.check(t, "a")
	})
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		never := func(context.Context, int) error { <-free; return nil }
		a, b, c, other := &double{answer: never}, &double{answer: never}, &double{}, &double{answer: never}
		r := newRig(t, map[string]checks.Probe{"a": a, "b": b, "c": c, "other": other},
			sample("c"), sample("b"), sample("a")).watch()
		r.to(time.Second)
		// What a reload puts out of use counts too.
		changed := with(sample("a"), func(c *checks.Check) { c.Kind = kind("other") })
		r.prepare(changed, sample("c")).Apply()
		r.to(5 * time.Second)
		r.ends(2*time.Second, "check a, b: a look was told to end and goes on")
		c.check(t, "c")
		r.prepare(sample("c")).Apply() // in vain, but it returns
		if n := a.closes() + b.closes() + other.closes(); n > 0 {
			t.Errorf("%d probes were closed while they look", n)
		}
		close(free)
		synctest.Wait()
		a.check(t, "a")
		b.check(t, "b")
		other.check(t, "other")
	})
}

// unwilling can neither wake nor be closed, which is logged.
type unwilling struct{ *double }

func (unwilling) Wake(context.Context, func()) error { return errRefused }

func (u unwilling) Close() error { return errors.Join(u.double.Close(), errRefused) }

// TestStuckLogAtTheEnd: a log that takes nothing any more holds up the end for
// a moment only.
func TestStuckLogAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := unwilling{&double{answer: outcomes("PF")}}
		r := &rig{t: t, ended: make(chan error, 1), probes: map[string]checks.Probe{"a": u}}
		log := stuck{slog.NewTextHandler(r, nil), make(chan struct{})}
		var err error
		r.runner, err = checks.New(checks.Config{
			Checks: []checks.Check{sample("a")}, Build: r.build, Log: slog.New(log),
		})
		if err != nil {
			t.Fatal(err)
		}
		r.watch()
		r.to(1500 * time.Millisecond)
		r.wantTold("0s a undecided", "0s a passing", "1s a failing")
		r.ends(time.Second, "")
		u.check(t, "a")
		close(log.free)
		synctest.Wait()
		for _, text := range []string{"check passes", "check fails", "can't be watched", "could not be closed"} {
			if n := len(r.lines(text)); n != 1 {
				t.Errorf("%d lines say %q once the log takes them, want 1", n, text)
			}
		}
	})
}

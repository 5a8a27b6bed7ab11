// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

// TestDrain: what waits when ctx ends is told, within a bound.
func TestDrain(t *testing.T) {
	hang := func(events ...vip.EventKind) func(context.Context, told) error {
		return func(ctx context.Context, d told) error {
			if slices.Contains(events, d.Event) {
				return hangs(ctx)
			}
			return takes(ctx, time.Second)
		}
	}
	for _, c := range []struct {
		name string
		act  func(context.Context, told) error
		tell []vip.EventKind
		want []string
		took time.Duration
		err  error
	}{
		{"nothing", nil, nil, nil, 0, nil},
		{"the stop is told", nil, []vip.EventKind{vip.Stopped}, []string{"a:stop", "b:stop"}, 2 * time.Second, nil},
		{
			"what hangs makes way for the stop", hang(vip.BecameActive),
			[]vip.EventKind{vip.BecameActive, vip.Stopped},
			[]string{"a:active", "a:stop", "b:stop+1"},
			4500 * time.Millisecond, nil,
		},
		{
			"not all can be told", hang(vip.BecameActive, vip.Stopped),
			[]vip.EventKind{vip.BecameActive, vip.Stopped},
			[]string{"a:active", "a:stop"},
			5 * time.Second, ErrNotTold,
		},
		{
			"a stop that hangs is ended", hang(vip.Stopped),
			[]vip.EventKind{vip.Stopped},
			[]string{"a:stop", "b:stop"},
			5 * time.Second, ErrNotTold,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var crew *crew
			var notifier *Notifier
			var began time.Time
			synctest.Test(t, func(t *testing.T) {
				crew, notifier = newCrew(t, c.act, listen("a", every...), listen("b", every...))
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- notifier.Run(ctx) }()
				for _, kind := range c.tell {
					synctest.Wait()
					notifier.Tell(event(kind))
				}
				synctest.Wait()
				cancel()
				began = time.Now()
				if err := <-ended; !errors.Is(err, c.err) {
					t.Errorf("Run's error is %v, not %v", err, c.err)
				}
				if took := time.Since(began); took != c.took {
					t.Errorf("Run ended after %v, not %v", took, c.took)
				}
				notifier.Tell(event(vip.BecameActive))
				if n := notifier.waiting(); n > 0 {
					t.Errorf("%d wait after Run", n)
				}
			})
			if diff := cmp.Diff(c.want, crew.runs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestDrainsWhatComes: events that are told while Run ends are delivered too.
func TestDrainsWhatComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crew, n := newCrew(t, nil, listen("a", every...))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		n.Tell(event(vip.BecameBackup)) // before Run
		go func() { ended <- n.Run(ctx) }()
		synctest.Wait()
		cancel()
		synctest.Wait()
		n.Tell(event(vip.Stopped))
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"a:backup", "a:stop"}, crew.runs()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestGiveUp: done is called once, when those who listen have been told or
// when their time is over.
func TestGiveUp(t *testing.T) {
	hangsOn := func(hook string) func(context.Context, told) error {
		return func(ctx context.Context, d told) error {
			if d.hook == hook {
				return hangs(ctx)
			}
			return takes(ctx, time.Second)
		}
	}
	for _, c := range []struct {
		name   string
		hooks  []Hook
		act    func(context.Context, told) error
		before []vip.EventKind
		after  []vip.EventKind
		done   time.Duration // since GiveUp
		want   []string
	}{
		{name: "nobody listens", hooks: []Hook{listen("a", states...)}, done: 0},
		{name: "one listens", hooks: []Hook{listen("a", vip.GivesUp)}, done: time.Second, want: []string{"a:give_up"}},
		{
			name: "two listen", hooks: []Hook{listen("a", vip.GivesUp), listen("b", states...), listen("c", vip.GivesUp)},
			done: 2 * time.Second, want: []string{"a:give_up", "c:give_up"},
		},
		{name: "it hangs", hooks: []Hook{listen("a", vip.GivesUp)}, act: hangsOn("a"), done: 10 * time.Second, want: []string{"a:give_up"}},
		{
			name: "after what waits", hooks: []Hook{listen("a", every...)}, before: []vip.EventKind{vip.BecameActive},
			done: 2 * time.Second, want: []string{"a:active", "a:give_up"},
		},
		{
			name: "another's hang does not prolong it", hooks: []Hook{listen("a", states...), listen("b", states...), listen("c", vip.GivesUp)},
			act: hangsOn("a"), before: []vip.EventKind{vip.BecameActive},
			done: 10 * time.Second, want: []string{"a:active", "b:active", "c:give_up"},
		},
		{
			name: "superseded", hooks: []Hook{listen("a", every...)}, act: hangsOn("a"), before: []vip.EventKind{vip.BecameActive},
			after: []vip.EventKind{vip.Stopped}, done: 0, want: []string{"a:active", "a:stop+1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			_ = in(t, Config{Hooks: c.hooks}, c.act, func(n *Notifier, crew *crew) {
				for _, kind := range c.before {
					n.Tell(event(kind))
				}
				synctest.Wait()
				began := time.Now()
				done := make(chan time.Duration, 2)
				n.GiveUp(event(vip.GivesUp), func() { calls.Add(1); done <- time.Since(began) })
				for _, kind := range c.after {
					n.Tell(event(kind))
				}
				if took := <-done; took != c.done {
					t.Errorf("done after %v, not %v", took, c.done)
				}
				later(time.Minute)
				if diff := cmp.Diff(c.want, crew.runs()); diff != "" {
					t.Error(diff)
				}
			})
			if n := calls.Load(); n != 1 {
				t.Errorf("done was called %d times", n)
			}
		})
	}
}

// TestGiveUpAtTheEnd: done is called when Run ends before the hook was told,
// after Run, and if Run never came.
func TestGiveUpAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := newCrew(t, func(ctx context.Context, _ told) error { return hangs(ctx) }, listen("a", every...))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		var calls atomic.Int32
		done := func() { calls.Add(1) }
		go func() { ended <- n.Run(ctx) }()
		n.Tell(event(vip.BecameActive))
		synctest.Wait()
		n.GiveUp(event(vip.GivesUp), done)
		cancel()
		if err := <-ended; !errors.Is(err, ErrNotTold) || calls.Load() != 1 {
			t.Errorf("Run ended (%v) with %d calls of done", err, calls.Load())
		}
		if n.GiveUp(event(vip.GivesUp), done); calls.Load() != 2 {
			t.Errorf("after Run done was not called at once")
		}
		_, idle := newCrew(t, nil, listen("a", every...))
		idle.GiveUp(event(vip.GivesUp), done)
		later(10 * time.Second)
		if calls.Load() != 3 {
			t.Errorf("without Run done was not called in time")
		}
	})
}

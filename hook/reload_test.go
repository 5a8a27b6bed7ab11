// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

// TestReload has one run in hand, several events waiting, and other hooks put
// in use.
func TestReload(t *testing.T) {
	const active, backup, over = vip.BecameActive, vip.BecameBackup, vip.TookOver
	slower := listen("a", every...)
	slower.Timeout = time.Minute
	elsewhere := listen("b", every...)
	elsewhere.Routers = []string{"db"}
	for _, c := range []struct {
		name  string
		hooks []Hook
		want  []string // of what waits: active and take_over for a and b
		ran   []uint64
	}{
		{
			"the same hooks",
			[]Hook{listen("a", every...), listen("b", every...)},
			[]string{"a:active", "b:active+1", "a:take_over", "b:take_over"},
			[]uint64{3, 2},
		},
		{
			"another order",
			[]Hook{listen("b", every...), listen("a", every...)},
			[]string{"b:active+1", "a:active", "b:take_over", "a:take_over"},
			[]uint64{2, 3},
		},
		{"a changed", []Hook{slower, listen("b", over)}, []string{"a:active", "a:take_over", "b:take_over"}, []uint64{3, 1}},
		{"b gone", []Hook{listen("a", every...)}, []string{"a:active", "a:take_over"}, []uint64{3}},
		{"b not for this router", []Hook{listen("a", every...), elsewhere}, []string{"a:active", "a:take_over"}, []uint64{3, 0}},
		{"a new one is not told of the past", []Hook{listen("c", every...), listen("b", every...)}, []string{"b:active+1", "b:take_over"}, []uint64{0, 2}},
		{"all gone", nil, []string{}, []uint64{}},
		{
			"twice the same program",
			[]Hook{listen("a", active), listen("a", over), listen("b", backup)},
			[]string{"a:active"},
			[]uint64{2, 0, 0},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_ = in(t, Config{Hooks: []Hook{listen("a", every...), listen("b", every...)}}, nil, func(n *Notifier, crew *crew) {
				for _, kind := range []vip.EventKind{backup, active, over} {
					n.Tell(event(kind))
					synctest.Wait()
				}
				p, err := n.Prepare(c.hooks)
				if err != nil {
					t.Fatal(err)
				}
				p.Apply()
				p.Apply() // once more does nothing
				later(time.Minute)
				if diff := cmp.Diff(append([]string{"a:backup"}, c.want...), crew.runs()); diff != "" {
					t.Error(diff)
				}
				ran := []uint64{}
				for _, s := range n.Status() {
					ran = append(ran, s.Ran)
				}
				if diff := cmp.Diff(c.ran, ran); diff != "" {
					t.Errorf("runs of the hooks: %s", diff)
				}
				n.mu.Lock()
				defer n.mu.Unlock()
				if len(n.lanes)+len(n.ready) > 0 {
					t.Errorf("lanes %v, ready %v are left", n.lanes, n.ready)
				}
			})
		})
	}
}

// TestReloadIdle: what waits for a slot may lose its hook, and done is called.
func TestReloadIdle(t *testing.T) {
	act := func(ctx context.Context, _ told) error { return takes(ctx, time.Second) }
	var calls atomic.Int32
	_ = in(t, Config{Hooks: []Hook{listen("a", every...), listen("b", every...)}, Parallel: 1}, act, func(n *Notifier, crew *crew) {
		n.Tell(event(vip.BecameActive))
		synctest.Wait()
		for _, router := range []string{"db", "api"} {
			e := event(vip.GivesUp)
			e.Router = router
			n.GiveUp(e, func() { calls.Add(1) })
		}
		p, err := n.Prepare([]Hook{listen("b", vip.BecameActive)})
		if err != nil {
			t.Fatal(err)
		}
		p.Apply()
		synctest.Wait()
		if calls.Load() != 2 {
			t.Errorf("%d of 2 calls of done after the hooks are gone", calls.Load())
		}
		later(time.Minute)
		if diff := cmp.Diff([]string{"a:active", "b:active"}, crew.runs()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestPrepare: wrong hooks are refused and change nothing, and so does what is
// discarded.
func TestPrepare(t *testing.T) {
	_ = in(t, Config{Hooks: []Hook{listen("a", every...)}}, nil, func(n *Notifier, crew *crew) {
		if _, err := n.Prepare([]Hook{listen("b")}); err == nil {
			t.Error("a hook that listens to nothing was taken")
		}
		p, err := n.Prepare([]Hook{listen("b", every...)})
		if err != nil {
			t.Fatal(err)
		}
		p.Discard()
		p.Apply()
		n.Tell(event(vip.BecameActive))
		later(time.Minute)
		if diff := cmp.Diff([]string{"a:active"}, crew.runs()); diff != "" {
			t.Error(diff)
		}
	})
}

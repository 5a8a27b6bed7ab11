// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

var _ agent.Listener = (*Notifier)(nil)

// TestOrder: event by event, and within one hook by hook, one at a time.
func TestOrder(t *testing.T) {
	hooks := []Hook{listen("a", every...), listen("b", vip.TookOver, vip.BecameActive), listen("c", states...)}
	err := in(t, Config{Hooks: hooks}, nil, func(n *Notifier, c *crew) {
		n.Tell(event(vip.BecameActive))
		n.Tell(event(vip.TookOver))
		later(time.Minute)
		want := []string{"a:active", "b:active", "c:active", "a:take_over", "b:take_over"}
		if diff := cmp.Diff(want, c.runs()); diff != "" {
			t.Error(diff)
		}
		for i, d := range c.list[1:] {
			if took := d.began - c.list[i].began; took != time.Second {
				t.Errorf("%v began %v after %v, not when that had ended", d, took, c.list[i])
			}
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSkips has one run of a busy hook in hand, tells what happens meanwhile,
// and wants what is delivered then.
func TestSkips(t *testing.T) {
	const active, backup, fault, stop, over, up = vip.BecameActive, vip.BecameBackup, vip.Faulted, vip.Stopped, vip.TookOver, vip.GivesUp
	type kinds = []vip.EventKind
	all := []Hook{listen("a", every...)}
	for _, c := range []struct {
		name  string
		hooks []Hook
		tell  kinds
		want  []string
	}{
		{"nothing", all, nil, []string{}},
		{"one waits", all, kinds{backup}, []string{"a:backup"}},
		{"a state supersedes a state", all, kinds{backup, active}, []string{"a:active+1"}},
		{"the last of many", all, kinds{backup, active, fault, backup, stop}, []string{"a:stop+4"}},
		{"the same state again", all, kinds{fault, fault}, []string{"a:fault+1"}},
		{"take-over does not supersede its state", all, kinds{active, over}, []string{"a:active", "a:take_over"}},
		{"a state supersedes an older take-over", all, kinds{active, over, backup}, []string{"a:backup+2"}},
		{"a state supersedes an older give-up", all, kinds{up, stop}, []string{"a:stop+1"}},
		{"give-up supersedes take-over", all, kinds{active, over, up}, []string{"a:active", "a:give_up+1"}},
		{"what was skipped for the skipped counts", all, kinds{over, up, over, backup, fault}, []string{"a:fault+4"}},
		{
			"who listens to backup alone is told of it",
			[]Hook{listen("a", every...), listen("b", backup)},
			kinds{backup, active},
			[]string{"b:backup", "a:active+1"},
		},
		{
			"the last of what each listens to",
			[]Hook{listen("a", every...), listen("b", backup), listen("c", active, up)},
			kinds{backup, active, up, backup, fault},
			[]string{"c:active", "c:give_up", "b:backup+1", "a:fault+4"},
		},
		{
			"moves alone",
			[]Hook{listen("a", every...), listen("b", over, up)},
			kinds{over, up, active, over},
			[]string{"a:active+2", "a:take_over", "b:take_over+2"},
		},
		{
			"of a waiting event some hooks are told",
			[]Hook{listen("a", every...), listen("b", backup, fault), listen("c", backup)},
			kinds{backup, fault},
			[]string{"c:backup", "a:fault+1", "b:fault+1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := in(t, Config{Hooks: c.hooks}, nil, func(n *Notifier, crew *crew) {
				n.Tell(event(stop))
				synctest.Wait() // a is busy with it for a second, nobody else listens to it
				before := len(crew.runs())
				for _, kind := range c.tell {
					n.Tell(event(kind))
				}
				if most := 2 * len(c.hooks); n.waiting() > most {
					t.Errorf("%d wait, more than %d", n.waiting(), most)
				}
				later(time.Minute)
				if diff := cmp.Diff(c.want, crew.runs()[before:]); diff != "" {
					t.Error(diff)
				}
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNeverReturns: a hook that hangs is ended when its time is over, each
// time, and the others are told.
func TestNeverReturns(t *testing.T) {
	act := func(ctx context.Context, d told) error {
		if d.hook == "a" {
			return hangs(ctx)
		}
		return nil
	}
	hooks := []Hook{listen("a", every...), listen("b", every...)}
	err := in(t, Config{Hooks: hooks}, act, func(n *Notifier, c *crew) {
		n.Tell(event(vip.BecameActive))
		later(time.Second)
		n.Tell(event(vip.BecameBackup))
		n.Tell(event(vip.Faulted))
		synctest.Wait()
		if a := n.Status()[0]; !a.Running || a.Waiting != 1 || a.Skipped != 1 || a.Ran != 0 {
			t.Errorf("while a hangs its status is %+v", a)
		}
		later(time.Minute)
		// The fault supersedes b's active, which waited for a.
		if diff := cmp.Diff([]string{"a:active", "a:fault+1", "b:fault+2"}, c.runs()); diff != "" {
			t.Error(diff)
		}
		want := []status.Hook{
			{
				Name: "a", Ran: 2, Failed: 2, TimedOut: 2, Skipped: 1, Took: 10 * time.Second, At: c.born.Add(20 * time.Second),
				Error: "its time of 10s was over: context deadline exceeded",
			},
			{Name: "b", Ran: 1, Skipped: 2},
		}
		if diff := cmp.Diff(want, n.Status()); diff != "" {
			t.Error(diff)
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFailure: what fails is counted and not tried again.
func TestFailure(t *testing.T) {
	errTest := errors.New("exit code 3")
	act := func(context.Context, told) error { return errTest }
	err := in(t, Config{Hooks: []Hook{listen("a", every...)}}, act, func(n *Notifier, c *crew) {
		n.Tell(event(vip.BecameActive))
		later(time.Minute)
		if s := n.Status()[0]; s.Ran != 1 || s.Failed != 1 || s.TimedOut != 0 || s.Error != errTest.Error() || s.At.IsZero() {
			t.Errorf("the status after a failure is %+v", s)
		}
	})
	if err != nil {
		t.Errorf("a hook's failure is Run's: %v", err)
	}
}

// TestManyRouters: 250 routers fail over at once. All are told, Parallel at a
// time, and one slow router keeps none waiting.
func TestManyRouters(t *testing.T) {
	act := func(ctx context.Context, d told) error {
		if d.Router == "r0" {
			return hangs(ctx)
		}
		return takes(ctx, 100*time.Millisecond)
	}
	_ = in(t, Config{Hooks: []Hook{listen("a", every...), listen("b", every...)}}, act, func(n *Notifier, c *crew) {
		for i := range 250 {
			e := event(vip.BecameActive)
			e.Router = fmt.Sprint("r", i)
			n.Tell(e)
		}
		later(3 * time.Second)
		if c.most != defaultParallel {
			t.Errorf("%d ran at the same time, not %d", c.most, defaultParallel)
		}
		// Of r0 only a has been begun.
		if got := len(c.runs()); got != 2*250-1 {
			t.Errorf("%d runs, not %d", got, 2*250-1)
		}
		later(time.Minute)
		n.mu.Lock()
		defer n.mu.Unlock()
		if len(n.lanes) != 0 || n.running != 0 {
			t.Errorf("%d routers are remembered and %d run after all has been told", len(n.lanes), n.running)
		}
	})
}

// TestRouters: a hook may listen to some routers only.
func TestRouters(t *testing.T) {
	some := listen("a", every...)
	some.Routers = []string{"db"}
	_ = in(t, Config{Hooks: []Hook{some}}, nil, func(n *Notifier, c *crew) {
		n.Tell(event(vip.BecameActive))
		later(time.Minute)
		if got := c.runs(); got != nil {
			t.Errorf("told of another router: %v", got)
		}
		e := event(vip.BecameActive)
		e.Router = "db"
		n.Tell(e)
		later(time.Minute)
		if got := c.runs(); !slices.Equal(got, []string{"a:active"}) {
			t.Errorf("told %v", got)
		}
	})
}

// TestPools: a hook may listen to some pools only, whatever routers it listens to,
// and a server that hangs keeps neither the quorum nor another one waiting.
func TestPools(t *testing.T) {
	some := listen("a", append(pooled, states...)...)
	some.Routers, some.Pools = []string{"db"}, []string{"web"}
	act := func(ctx context.Context, d told) error {
		if d.Server == "s0" {
			return hangs(ctx)
		}
		return takes(ctx, time.Second)
	}
	_ = in(t, Config{Hooks: []Hook{some}}, act, func(n *Notifier, c *crew) {
		tell := func(kind vip.EventKind, pool, server string) {
			n.Tell(vip.Event{Kind: kind, Pool: pool, Server: server})
			synctest.Wait()
		}
		tell(vip.QuorumDown, "db", "")
		n.Tell(event(vip.BecameActive)) // of router web
		for _, kind := range []vip.EventKind{vip.ServerDown, vip.ServerUp, vip.ServerDown} {
			tell(kind, "web", "s0")
		}
		tell(vip.ServerDown, "web", "s1")
		tell(vip.QuorumDown, "web", "")
		later(2 * time.Second)
		if diff := cmp.Diff([]string{"a:server_down", "a:server_down", "a:quorum_down"}, c.runs()); diff != "" {
			t.Error(diff)
		}
		later(time.Minute)
		if diff := cmp.Diff([]string{"a:server_down", "a:server_down", "a:quorum_down", "a:server_down+1"}, c.runs()); diff != "" {
			t.Error(diff)
		}
	})
}

// TestTellKeepsNothing: the caller may change the event's addresses after Tell,
// and what is told before Run is not lost.
func TestTellKeepsNothing(t *testing.T) {
	n, err := newNotifier(Config{Hooks: []Hook{listen("a", every...)}}, (&crew{}).build)
	if err != nil {
		t.Fatal(err)
	}
	e := event(vip.BecameActive)
	e.Addresses = prefixes("192.0.2.100/24")
	n.Tell(e)
	e.Addresses[0] = prefixes("192.0.2.200/24")[0]
	if got := n.lanes[subject{router: "web"}].queue[0].event.Addresses; !slices.Equal(got, prefixes("192.0.2.100/24")) {
		t.Errorf("the queued event's addresses are %v", got)
	}
}

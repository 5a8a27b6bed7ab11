// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
)

// blindChecker can't watch.
type blindChecker struct{}

func (blindChecker) Watch(context.Context, func([]track.Result)) error {
	return errors.New("no inotify watches left")
}

var vipAPI = netip.MustParsePrefix("192.0.2.101/24")

// edge adds a second router, api, and makes a sync group of both that tracks
// uplink; web tracks haproxy.
func edge(weight int) func(*agent.Config) {
	return func(c *agent.Config) {
		api := c.Routers[0]
		api.Name, api.VRID, api.Addresses = "api", 52, []netip.Prefix{vipAPI}
		c.Routers[0].Tracks = []track.Track{{Check: "haproxy", Weight: weight}}
		c.Routers = append(c.Routers, api)
		c.Groups = []agent.Group{{Name: "edge", Routers: []string{"web", "api"}, Tracks: []track.Track{{Check: "uplink"}}}}
	}
}

// wantBoth checks who holds the addresses of both routers.
func (w *world) wantBoth(name string) {
	w.t.Helper()
	w.want(name)
	if got := w.holders(vipAPI); !slices.Equal(got, []string{name}) {
		w.t.Errorf("holders of api %v, want %s", got, name)
	}
}

// TestSyncGroup: what moves one router moves all, by a member's own weight, the
// group's fault, and back.
func TestSyncGroup(t *testing.T) {
	healthy(t, edge(-60), func(t *testing.T, w *world) {
		w.allPass("haproxy", "uplink")
		w.wantBoth("lb-1")
		first := w.nodes[0]

		first.health.fail("haproxy") // web's alone, yet api weighs it too
		time.Sleep(time.Second)
		w.wantBoth("lb-2")
		for _, r := range first.status(t).Routers {
			if r.Priority != 90 || r.SyncGroup != "edge" {
				t.Errorf("%s: priority %d in group %q, want 90 in edge", r.Name, r.Priority, r.SyncGroup)
			}
		}
		first.health.pass("haproxy")
		time.Sleep(time.Second)
		w.wantBoth("lb-1")

		first.health.fail("uplink")
		time.Sleep(time.Second)
		w.wantBoth("lb-2")
		for _, r := range first.status(t).Routers {
			if r.State != "Initialize" {
				t.Errorf("%s is in %s, want Initialize", r.Name, r.State)
			}
		}
		first.health.pass("uplink")
		time.Sleep(time.Second)
		w.wantBoth("lb-1")
	})
}

// TestSyncGroupTells: each router of a group has its own events.
func TestSyncGroupTells(t *testing.T) {
	healthy(t, edge(0), func(t *testing.T, w *world) {
		w.allPass("haproxy", "uplink")
		first := w.nodes[0]
		first.listener.take()
		first.health.fail("uplink")
		time.Sleep(time.Second)
		first.wantSaid(t,
			"web fault Active->Initialize 1", "web give_up Active->Initialize 1",
			"api fault Active->Initialize 1", "api give_up Active->Initialize 1")
	})
}

// TestReloadGroups: routers that come into a group or leave it are started
// again; the others miss nothing.
func TestReloadGroups(t *testing.T) {
	healthy(t, edge(-60), func(t *testing.T, w *world) {
		w.allPass("haproxy", "uplink")
		first := w.nodes[0]
		third := first.cfg.Routers[0]
		vip := netip.MustParsePrefix("192.0.2.102/24")
		third.Name, third.VRID, third.Addresses, third.Tracks = "third", 53, []netip.Prefix{vip}, nil
		cfg := first.cfg
		cfg.Routers = append(slices.Clone(cfg.Routers), third)
		if err := first.agent.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.wantBoth("lb-1")
		if got := first.router(t).Transitions["Active"]; got != 1 {
			t.Errorf("a router was started again by a reload that does not change it: Active %d times", got)
		}
		cfg.Groups = nil
		cfg.Routers = slices.Clone(cfg.Routers)
		cfg.Routers[1].Priority = 50
		if err := first.agent.Reload(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.want("lb-1")
		synctest.Wait()
		if got := w.holders(vip); !slices.Equal(got, []string{"lb-1"}) {
			t.Errorf("holders of third %v", got)
		}
		for _, r := range first.status(t).Routers {
			if r.SyncGroup != "" {
				t.Errorf("%s is still in group %s", r.Name, r.SyncGroup)
			}
		}
	})
}

func TestGroupsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*agent.Config){
		"unknown router":     func(c *agent.Config) { c.Groups[0].Routers[1] = "nobody" },
		"in two groups":      func(c *agent.Config) { c.Groups = append(c.Groups, agent.Group{Name: "b", Routers: []string{"web"}}) },
		"another priority":   func(c *agent.Config) { c.Routers[1].Priority = 7 },
		"another preemption": func(c *agent.Config) { c.Routers[1].Preempt = false },
		"no Checker":         func(c *agent.Config) { c.Checker = nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 1, router(100*ms, vip4.String()))
			cfg := w.nodes[0].cfg
			cfg.Checker = newHealth()
			edge(-60)(&cfg)
			if _, err := agent.New(cfg); err != nil {
				t.Fatal(err)
			}
			change(&cfg)
			if _, err := agent.New(cfg); err == nil {
				t.Error("taken")
			}
		})
	}
}

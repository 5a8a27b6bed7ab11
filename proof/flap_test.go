// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

func TestFlap(t *testing.T) {
	vip, next, own := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.11")
	tests := []struct {
		name   string
		kind   checks.Kind
		weight string
		found  bool
	}{
		{"looks at it", checks.TCP{Address: "192.0.2.100:80"}, "-60", true},
		{"looks at it, fault", checks.HTTP{URL: "http://192.0.2.100/"}, "fault", true},
		{"in another form", checks.TCP{Address: "[::ffff:192.0.2.100]:80"}, "-60", true},
		{"looks at one that is not advertised", checks.ICMP{Host: "192.0.2.99"}, "-60", true},
		{"leaves from it", checks.ICMP{Host: "192.0.2.1", Bind: checks.Bind{Source: vip}}, "-60", true},
		{"wants it on an interface", checks.Interface{Name: "eth0", Address: vip}, "fault", true},
		{"looks at an own address", checks.TCP{Address: "192.0.2.11:80"}, "-60", false},
		{"leaves from an own address", checks.ICMP{Host: "192.0.2.1", Bind: checks.Bind{Source: own}}, "-60", false},
		{"looks at the router next door", checks.TCP{Address: "192.0.2.101:80"}, "fault", false},
		{"leaves from the router next door", checks.ICMP{Host: "192.0.2.1", Bind: checks.Bind{Source: next}}, "-60", true},
		{"wants the router next door on an interface", checks.Interface{Name: "eth0", Address: next}, "fault", true},
		{"wants an interface", checks.Interface{Name: "eth0"}, "fault", false},
		{"a program", checks.Exec{Argv: []string{"/bin/ping", "192.0.2.100"}}, "-60", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := addRouter(with(cluster(150, 100), "haproxy", tc.kind, tc.weight), "mail", 150, 100)
			c.Routers[0].Exclude = []netip.Prefix{netip.MustParsePrefix("192.0.2.99/32")}
			var found []Finding
			for _, f := range Prove(c, Options{}).Findings {
				if f.Kind == Flap {
					found = append(found, f)
				}
			}
			if (len(found) == 1) != tc.found || len(found) > 1 {
				t.Fatalf("found %v, want %v", lines(found), tc.found)
			}
			if tc.found && (found[0].Severity != Problem || found[0].Check != "haproxy" || found[0].Remedy == "" || found[0].Routers[0] != "web") {
				t.Errorf("found %+v", found[0])
			}
		})
	}
}

// seen looks at a service at an address.
func seen(address string) checks.Kind { return checks.TCP{Address: address + ":80"} }

// What is said of a look at the own virtual address, and what comes of it: the
// service dies on the holder while real engines follow what nodes see, and comes
// back.
func TestWhatFlapsDo(t *testing.T) {
	onlyOne := with(cluster(150, 100), "seen", nil, "-60")
	onlyOne.Checks[0].Kinds = map[string]checks.Kind{"lb-1": seen("192.0.2.100"), "lb-2": seen("127.0.0.1")}
	from := checks.ICMP{Host: "192.0.2.1", Bind: checks.Bind{Source: netip.MustParseAddr("192.0.2.100")}}
	tests := []struct {
		name           string
		cfg            *config.Config
		said           string
		atFirst, moved string // who holds before, and while it is dead
	}{
		{"weight", with(cluster(150, 100), "seen", seen("192.0.2.100"), "-60"), "its weight moves nothing", "lb-1", "lb-1"},
		{"reverse", with(cluster(150, 100), "seen", seen("192.0.2.100"), "60 reverse"), "its weight moves nothing", "lb-1", "lb-1"},
		{"fault", with(cluster(150, 100), "seen", seen("192.0.2.100"), "fault"), "nobody takes them after a start", "nobody", "nobody"},
		{"fault in reverse", with(cluster(150, 100), "seen", seen("192.0.2.100"), "fault reverse"), "to and fro", "to and fro", "lb-1"},
		{"on one node", onlyOne, "to and fro", "lb-1", "to and fro"},
		{"from it, fault", with(cluster(150, 100), "seen", from, "fault"), "keeps out all that could take over", "nobody", "nobody"},
		{"from it, weight", with(cluster(150, 100), "seen", from, "-60"), "whoever holds the addresses seems the better node", "lb-1", "lb-1"},
		{"from it, in reverse", with(cluster(150, 100), "seen", from, "-60 reverse"), "to and fro", "to and fro", "to and fro"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			found := Prove(tc.cfg, Options{}).Problems()
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == Flap && strings.Contains(f.Text, tc.said) }) {
				t.Errorf("found %v, want %q", lines(found), tc.said)
			}
			v := newViewing(t, tc.cfg)
			if got := v.watch(); got != tc.atFirst {
				t.Errorf("when all is well: %s, want %s", got, tc.atFirst)
			}
			v.dead = "lb-1"
			if got := v.watch(); got != tc.moved {
				t.Errorf("dead on lb-1: %s, want %s", got, tc.moved)
			}
		})
	}
}

// viewing is nodes whose checks see who holds.
type viewing struct {
	*world
	lan  *lan
	dead string // the node whose service is dead
}

func newViewing(t *testing.T, cfg *config.Config) *viewing {
	t.Helper()
	for i := range cfg.Routers {
		cfg.Routers[i].Interval = interval
	}
	w := &world{rng: rand.New(rand.NewPCG(1, 0)), cfg: cfg, tracks: cfg.Routers[0].Tracks}
	v := &viewing{world: w, lan: &lan{rng: w.rng, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}
	for i := range cfg.Nodes {
		v.lan.hosts = append(v.lan.hosts, w.host(i))
	}
	for i, h := range v.lan.hosts {
		priority, out := v.look(i)
		if err := v.lan.start(h, priority, out); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// look is what the node's checks make of its priority.
func (v *viewing) look(node int) (priority uint8, out bool) {
	n := v.cfg.Nodes[node]
	active := v.lan.active()
	sum := track.Add(v.cfg.Routers[0].Priority[n.Name], v.tracks, func(t track.Track) track.State {
		i := slices.IndexFunc(v.cfg.Checks, func(c config.Check) bool { return c.Name == t.Check })
		at := targetOf(v.cfg.Checks[i].OnNode(n.Name))
		passes := false
		switch {
		case at.bind.Source.IsValid():
			passes = slices.Contains(active, node)
		case at.loopback():
			passes = n.Name != v.dead
		case len(active) > 0:
			passes = v.cfg.Nodes[active[0]].Name != v.dead
		}
		if passes {
			return track.Passing
		}
		return track.Failing
	})
	return sum.Priority, len(sum.Blocked) > 0
}

// watch is who holds from now on, once it has had time to settle.
func (v *viewing) watch() string {
	moves, last := 0, ""
	for look := range 400 {
		for i, h := range v.lan.hosts {
			priority, out := v.look(i)
			v.lan.set(h, priority, out)
		}
		v.lan.run(interval)
		holder := "nobody"
		if active := v.lan.active(); len(active) > 0 {
			holder = v.cfg.Nodes[active[0]].Name
		}
		if look > 100 && holder != last {
			moves++
		}
		last = holder
	}
	if moves > 3 {
		return "to and fro"
	}
	return last
}

// A virtual address is one thing for all nodes: there is no failure on one.
func TestVirtualTargets(t *testing.T) {
	c := addRouter(with(cluster(150, 100), "seen", seen("192.0.2.101"), "-60"), "mail", 150, 100)
	r := Prove(c, Options{})
	var got []string
	for _, e := range r.Elections {
		if slices.Contains(e.Routers, "web") {
			got = rows(e.Outcomes)
		}
	}
	want := []string{
		"lb-1 dies: dead 100: lb-2, then lb-1",
		"lb-2 dies: 150 dead: lb-1, then lb-1",
		"192.0.2.101:80 fails everywhere (seen): 90 40: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.Findings) != 1 || r.Findings[0].Severity != Note || !strings.Contains(r.Findings[0].Text, "which mail has: it passes or fails on all nodes alike") {
		t.Errorf("found %v", lines(r.Findings))
	}
}

// The agent itself keeps a node out whose router's interface is down.
func TestOwnInterface(t *testing.T) {
	up := checks.Interface{Name: "eth0"}
	fast := checks.Interface{Name: "eth0", Speed: 1000}
	c := with(with(placed(cluster(150, 100), "eth0"), "up", up, "-20"), "fast", fast, "-20")
	want := []string{
		"lb-1 dies: dead 100: lb-2, then lb-1",
		"lb-2 dies: 150 dead: lb-1, then lb-1",
		"up fails on lb-1: out 100: lb-2, then lb-1",
		"up fails on lb-2: 150 out: lb-1, then lb-1",
		"fast fails on lb-1: 130 100: lb-1, then lb-1",
		"fast fails on lb-2: 150 80: lb-1, then lb-1",
		"eth0 fails on lb-1 (up and fast): out 100: lb-2, then lb-1",
		"eth0 fails on lb-2 (up and fast): 150 out: lb-1, then lb-1",
	}
	e := only(t, Prove(c, Options{}))
	if diff := cmp.Diff(want, rows(e.Outcomes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := e.Outcomes[2].Standings[0].Down; got != "eth0" {
		t.Errorf("down is %q", got)
	}
	// Another router with the same tracks may live elsewhere.
	addRouter(c, "mail", 150, 100)
	c.Routers[1].Tracks = c.Routers[0].Tracks
	r := Prove(c, Options{})
	if len(r.Elections) != 2 {
		t.Errorf("%d elections, want 2", len(r.Elections))
	}
	// What it does not track is not told of.
	c.Routers[1].Interface, c.Routers[1].Tracks = c.Routers[0].Interface, nil
	if r := Prove(c, Options{}); len(r.Elections) != 2 || len(r.Elections[0].Outcomes) != 2 {
		t.Errorf("%+v, want two outcomes of mail", r.Elections)
	}
}

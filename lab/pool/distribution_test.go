// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// many are the connections of which a distribution is judged, and share is how
// far a server may be from its part of them.
const (
	many  = 10_000
	share = 0.03
)

// weights are those of the servers s1 to s4 where they matter.
var weights = []int{1, 2, 3, 4}

// wantShares compares who served with the weights.
func wantShares(t *testing.T, got map[string]int, weights []int) {
	t.Helper()
	if wrong := unfair(got, weights); wrong != "" {
		t.Error(wrong)
	}
}

// unfair tells which server has not served its part, or nothing.
func unfair(got map[string]int, weights []int) string {
	total, sum := 0, 0
	for _, n := range got {
		total += n
	}
	for _, w := range weights {
		sum += w
	}
	for i, w := range weights {
		name := fmt.Sprintf("s%d", i+1)
		want := float64(total*w) / float64(sum)
		if off := float64(got[name]) - want; off > share*want || off < -share*want {
			return fmt.Sprintf("%s has served %d of %d, %.0f are its part", name, got[name], total, want)
		}
	}
	return ""
}

// equal are the weights of s1 to s4 where all have the same.
var equal = []int{1, 1, 1, 1}

// schedulers are what each of them is to make of how many connections.
var schedulers = []struct {
	scheduler   string
	connections int
	weights     []int // nil: as the client's addresses or the load come; none: one serves all
	sticky      bool
	ipvs        bool // alone
}{
	{"rr", many, equal, false, false},
	{"wrr", many, weights, false, false},
	{"sh", many, nil, true, false},
	{"mh", 2000, nil, true, false},
	{"lc", 400, nil, false, true},
	{"wlc", 400, nil, false, true},
	{"sed", 400, nil, false, true},
	{"nq", 400, nil, false, true},
	{"dh", 100, []int{}, false, true}, // by the service's address
	{"lblc", 100, nil, false, true},
	{"ovf", 100, []int{}, false, true}, // the heaviest, for as many as its weight
	{"fo", 100, []int{}, false, true},  // the heaviest
}

// TestPoolDistribution: 10,000 connections are distributed as the scheduler says.
func TestPoolDistribution(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 4})
	var weighed []any
	for i, weight := range weights {
		weighed = append(weighed, vicar.Block{"address": w.greeter(i + 1), "weight": weight})
	}
	var greeters, heavy []any
	for i := range w.Servers {
		greeters = append(greeters, w.greeter(i+1))
		heavy = append(heavy, vicar.Block{"address": w.greeter(i + 1), "weight": 1000 * (i + 1)})
	}
	for i, s := range schedulers {
		if s.ipvs && !uml.Inside() {
			continue
		}
		// There are many, and none is to fail.
		more := vicar.Block{"scheduler": s.scheduler, "servers": greeters, "checks": []any{check("tcp", "{server}", vicar.Block{"interval": "2s"})}}
		switch s.scheduler {
		case "rr":
		case "ovf":
			more["servers"] = heavy
		default:
			more["servers"] = weighed
		}
		w.conf.Pools[s.scheduler] = w.block(8000+i, more)
	}
	w.begin()
	for i, s := range schedulers {
		if w.conf.Pools[s.scheduler] == nil {
			continue
		}
		target := netip.AddrPortFrom(site.VIP.Addr(), uint16(8000+i))
		got := w.connect(site.Load{Target: target, Greeted: true, Connections: s.connections, Sources: 254, Parallel: 16})
		t.Logf("%s, %d connections: %v", s.scheduler, s.connections, got.Servers)
		switch {
		case s.weights == nil:
		case len(s.weights) == 0:
			if len(got.Servers) != 1 {
				t.Errorf("%s: %v have served", s.scheduler, got.Servers)
			}
		default:
			wantShares(t, got.Servers, s.weights)
		}
		if s.sticky {
			wantSticky(t, got)
		}
	}
}

// greeter is the nth server's name where it greets.
func (w *world) greeter(n int) string {
	return netip.AddrPortFrom(w.Servers[n-1].Addr, site.GreetPort).String()
}

// wantSticky checks that each address of the client was served by one server, and
// that all servers have served some.
func wantSticky(t *testing.T, got site.Tally) {
	t.Helper()
	for from, servers := range got.Sources {
		if len(servers) != 1 {
			t.Errorf("%s was served by %v", from, slices.Sorted(maps.Keys(servers)))
		}
	}
	if len(got.Servers) != len(weights) {
		t.Errorf("served by %v, want all %d", got.Servers, len(weights))
	}
}

// TestPoolDirect: servers that have the service's address answer the client
// themselves.
func TestPoolDirect(t *testing.T) {
	needIPVS(t)
	w := newWorld(t, site.Config{Servers: 4, Direct: true})
	var servers []any
	for i, weight := range weights {
		servers = append(servers, vicar.Block{"address": netip.AddrPortFrom(w.Servers[i].Addr, site.Port).String(), "weight": weight})
	}
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{"scheduler": "wrr", "forward": "direct", "servers": servers})
	w.begin()
	got := w.connect(site.Load{Target: web, Connections: 1000, Sources: 254, Parallel: 8})
	wantShares(t, got.Servers, weights)
}

// TestPoolPersistence: a client is sent to the server that it was sent to before.
func TestPoolPersistence(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 4})
	w.conf.Pools["web"] = w.block(site.Port, vicar.Block{"persistence": "5m"})
	w.begin()
	got := w.connect(site.Load{Target: web, Connections: 1000, Sources: 100, Parallel: 8})
	wantSticky(t, got)
}

// TestPoolUDP: datagrams of new ports are distributed, and those of the clients of a
// server that has died go to others.
func TestPoolUDP(t *testing.T) {
	w := newWorld(t, site.Config{Servers: 4})
	var servers []any
	for _, s := range w.Servers {
		servers = append(servers, netip.AddrPortFrom(s.Addr, site.PortUDP).String())
	}
	target := netip.AddrPortFrom(site.VIP.Addr(), 53)
	w.conf.Pools["dns"] = w.block(53, vicar.Block{
		"listen": target.String() + "/udp", "servers": servers,
		"checks": []any{check("tcp", "{host}:80", nil)},
	})
	w.begin()
	l := site.Load{Target: target, UDP: true, Connections: 1000, Sources: 254, Parallel: 8}
	wantShares(t, w.connect(l).Servers, equal)
	w.Servers[1].Kill()
	w.wantServer("dns", servers[1].(string), "down", false)
	if got := w.connect(l); got.Servers["s2"] > 0 || len(got.Servers) != 3 {
		t.Errorf("s2 is dead; served: %v", got.Servers)
	}
}

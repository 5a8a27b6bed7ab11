// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/status"
)

// fullPools are pools with something in every field that becomes a metric.
func fullPools() []status.Pool {
	return []status.Pool{
		{
			Name: "web", Plane: "ipvs", State: "up", Alive: 4, Quorum: 2, Programmed: true, Sorry: true, Error: "no such device", Repaired: 3,
			Servers: []status.PoolServer{
				{Name: "198.51.100.11:80", State: "up", Weight: 3, Active: 20, Inactive: 5, Total: 999, Ups: 2, Downs: 1},
				{Name: "198.51.100.12:80", State: "starting", Weight: 1, Active: 1, Total: 7, Ups: 1},
				{Name: "198.51.100.13:80", State: "down", Downs: 1},
				{Name: "198.51.100.13:80", Sorry: true, State: "standby", Weight: 1},
			},
		},
		{Name: "dns", Plane: "nftables", State: "undecided", Quorum: 1, Servers: []status.PoolServer{{Name: "198.51.100.53:53", State: "undecided"}}},
	}
}

func TestPoolDrain(t *testing.T) {
	var asked PoolDrain
	s := start(t, &backend{pool: func(_ context.Context, d PoolDrain) error {
		asked = d
		return nil
	}})
	for _, on := range []bool{true, false} {
		d := PoolDrain{Service: "web", Server: "198.51.100.11:80", Drain: on}
		if err := Dial(s.socket).PoolDrain(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, asked); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	asked = PoolDrain{}
	for _, d := range []PoolDrain{{}, {Service: "web"}, {Server: "198.51.100.11:80"}} {
		if err := Dial(s.socket).PoolDrain(t.Context(), d); err == nil || asked != (PoolDrain{}) {
			t.Errorf("%+v: %v, asked %+v", d, err, asked)
		}
	}
}

// A sorry server that serves is none of the servers that are up.
func TestMetricsOfSorryServer(t *testing.T) {
	p := status.Pool{Name: "web", State: "down", Sorry: true, Servers: []status.PoolServer{{Name: "a", State: "down"}, {Name: "b", Sorry: true, State: "up", Weight: 1}}}
	got := scrape(t, status.Status{Pools: []status.Pool{p}})
	for state, n := range map[string]int{"up": 0, "down": 1, "standby": 0} {
		if want := fmt.Sprintf("%s{cluster=\"\",pool=\"web\",state=%q} %d\n", MetricPoolServers, state, n); !strings.Contains(got, want) {
			t.Errorf("the scrape lacks %s", want)
		}
	}
}

// With very many servers the sums per pool remain, and the scrape stays small.
func TestMetricsOfManyServers(t *testing.T) {
	for _, servers := range []int{mostServers, mostServers + 1} {
		p := status.Pool{Name: "web", State: "up"}
		for n := range servers {
			p.Servers = append(p.Servers, status.PoolServer{Name: fmt.Sprint("s", n), State: "up", Active: 1})
		}
		got := scrape(t, status.Status{Pools: []status.Pool{p}})
		if want := fmt.Sprintf("%s{cluster=\"\",pool=\"web\",state=\"active\"} %d\n", MetricPoolConnections, servers); !strings.Contains(got, want) {
			t.Errorf("%d servers: the scrape lacks %s", servers, want)
		}
		if got, want := strings.Count(got, "\n"+MetricPoolServerUp+"{"), mostServers; got != want*(mostServers+1-servers) {
			t.Errorf("%d servers: %d of them have series", servers, got)
		}
	}
}

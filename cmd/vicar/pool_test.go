// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// pooled is a director on which all is well: one pool with its router, and one that
// all nodes balance.
func pooled() status.Status {
	st := quiet()
	st.Pools = []status.Pool{
		{
			Name: "dns", Plane: "nftables", Frontends: []string{"192.0.2.53:53/udp"}, Scheduler: "wrr", State: poolUp, Since: noon.Add(-time.Hour),
			Alive: 2, Quorum: 1, Programmed: true,
			Servers: []status.PoolServer{
				{Name: "198.51.100.53:53", Forward: "nat", State: poolUp, Since: noon.Add(-time.Hour), Weight: 1, Configured: 1, Programmed: true, Active: 7},
				{Name: "198.51.100.54:53", Forward: "nat", State: poolUp, Since: noon.Add(-time.Hour), Weight: 1, Configured: 1, Programmed: true, Active: 6, Inactive: 2},
			},
		},
		{
			Name: "web", Plane: "ipvs", Frontends: []string{"192.0.2.100:80/tcp", "192.0.2.100:443/tcp", "[2001:db8::100]:80/tcp"}, Scheduler: "wlc",
			State: poolUp, Since: noon.Add(-2 * time.Hour), Alive: 3, Quorum: 2, With: "web", Programmed: true,
			Servers: []status.PoolServer{
				{Name: "198.51.100.11:8080", Forward: "nat", State: poolUp, Since: noon.Add(-2 * time.Hour), Weight: 2, Configured: 2, Programmed: true, Active: 120, Inactive: 30, Total: 123456},
				{Name: "198.51.100.12:8080", Forward: "nat", State: poolUp, Since: noon.Add(-2 * time.Hour), Weight: 1, Configured: 1, Programmed: true, Active: 60, Total: 61000},
				{Name: "198.51.100.99:80", Forward: "nat", State: poolStandby, Sorry: true, Since: noon.Add(-2 * time.Hour), Configured: 1},
			},
		},
	}
	st.Sync = &status.Sync{Role: "master", Router: "web", Interface: "eth1", ID: 51}
	return st
}

// unbalanced is a director on which everything is wrong with the pools.
func unbalanced() status.Status {
	st := pooled()
	dns, web := &st.Pools[0], &st.Pools[1]
	dns.State, dns.Alive, dns.Error, dns.Programmed = poolDown, 0, "setting up service dns: "+strings.Repeat("operation not permitted ", 20), false
	dns.FileError = "dns-servers.yaml:3:5: 198.51.100.x is no address"
	for i := range dns.Servers {
		s := &dns.Servers[i]
		s.State, s.Weight, s.Programmed, s.Cause = poolDown, 0, false, "dns/"+s.Name+"/dns: no answer within 500ms"
	}
	web.State, web.Alive, web.Sorry, web.Hindrance = poolDown, 1, true, "this host forwards no IPv4 packets (net.ipv4.ip_forward is 0): sysctl net.ipv4.ip_forward=1"
	web.Repaired, web.RepairedAt, web.Repair = 3, noon.Add(-30*time.Second), "the service is gone"
	web.Servers[0].State, web.Servers[0].Weight = poolDraining, 0
	web.Servers[1].State, web.Servers[1].Weight = poolStarting, 1
	web.Servers[2].State, web.Servers[2].Weight, web.Servers[2].Programmed = poolUp, 1, true
	web.Servers = append(web.Servers,
		status.PoolServer{Name: "198.51.100.13:8080", State: poolUndecided, Configured: 1},
		status.PoolServer{Name: "198.51.100.14:8080", State: poolDrained, Configured: 1, Since: noon.Add(-time.Minute)},
		status.PoolServer{Name: "198.51.100.15:8080", State: poolDown, Configured: 1, Since: noon.Add(-time.Minute), Cause: "web/198.51.100.15:8080/http: \x1b[31m503"},
	)
	st.Sync.Role, st.Sync.Error = "none", "starting the daemon: no such device"
	return st
}

// farm is a director with so many pools, of which some are not well.
func farm(pools, servers int) status.Status {
	st := quiet()
	for i := range pools {
		p := status.Pool{
			Name: fmt.Sprintf("p%03d", i), Plane: "ipvs", Frontends: []string{"192.0.2.100:80/tcp"}, Scheduler: "wrr", State: poolUp, Alive: servers, Quorum: 1, Programmed: true,
		}
		for j := range servers {
			p.Servers = append(p.Servers, status.PoolServer{Name: fmt.Sprintf("198.51.100.%d:80", j), State: poolUp, Weight: 1, Configured: 1, Programmed: true})
		}
		if i%4 == 3 {
			p.State, p.Alive = poolDown, 0
			for j := range p.Servers {
				s := &p.Servers[j]
				s.State, s.Weight, s.Programmed, s.Cause = poolDown, 0, false, "http: no answer"
			}
		}
		st.Pools = append(st.Pools, p)
	}
	return st
}

func TestRenderPools(t *testing.T) {
	for name, st := range map[string]status.Status{
		"pooled": pooled(), "unbalanced": unbalanced(), "farm": farm(120, 4), "farm-small": farm(24, 2), "farm-well": farm(3, 40),
	} {
		golden(t, "render-"+name+".txt", renderStatus(st, false))
	}
	golden(t, "render-unbalanced-colour.txt", renderStatus(unbalanced(), true))
	none := pooled()
	none.Routers = nil
	if got := renderStatus(none, false); strings.Contains(got, "no routers") {
		t.Errorf("a director without routers complains:\n%s", got)
	}
}

// Of many pools with which something is wrong the one that serves nobody is told first.
func TestWrongPoolsOrder(t *testing.T) {
	st := farm(40, 4)
	for i := range st.Pools {
		p := &st.Pools[i]
		p.State, p.Alive = poolUp, 3
		p.Servers[0].State = poolDown
	}
	st.Pools[35].Error = "no such device"
	st.Pools[39].State, st.Pools[39].Alive = poolDown, 0
	got := wrongPools(st)
	if len(got) < 3 || !strings.Contains(got[0], "p039 has no quorum") || !strings.Contains(got[1], "p035 is not in the kernel") {
		t.Errorf("wrong are, in this order:\n%s", strings.Join(got, "\n"))
	}
}

// The commands about pools, with their output and exit code.
func TestPoolCommands(t *testing.T) {
	noPool := answering{st: pooled(), err: unknown{errors.New("there is no pool wbe (pools: dns, web)")}}
	noServer := answering{st: pooled(), err: unknown{errors.New("pool web has no server 198.51.100.11:80 (servers: 198.51.100.11:8080, 198.51.100.12:8080)")}}
	elsewhere := pooled()
	elsewhere.Pools[1].Programmed = false
	for i := range elsewhere.Pools[1].Servers {
		elsewhere.Pools[1].Servers[i].Programmed = false
	}
	witnessing := guarded()
	witnessing.Routers = nil
	for i := range witnessing.Fleet {
		witnessing.Fleet[i].Here = witnessing.Fleet[i].Witness
	}
	tests := []struct {
		name, args string
		agent      answering
		code       int
		asked      string
	}{
		{"pool", "pool", answering{st: pooled()}, exitOK, ""},
		{"pool-wrong", "pool", answering{st: unbalanced()}, exitOK, ""},
		{"pool-many", "pool", answering{st: farm(21, 2)}, exitOK, ""},
		{"pool-none", "pool", answering{st: quiet()}, exitOK, ""},
		{"pool-none-json", "pool --json", answering{st: quiet()}, exitOK, ""},
		{"pool-witness", "pool", answering{st: witnessing}, exitOK, ""},
		{"pool-json", "pool --json", answering{st: pooled()}, exitOK, ""},
		{"pool-drain", "pool drain web 198.51.100.11:8080", answering{st: pooled()}, exitOK, "pool drain {Service:web Server:198.51.100.11:8080 Drain:true}"},
		{"pool-drain-elsewhere", "pool drain web 198.51.100.11:8080", answering{st: elsewhere}, exitOK, ""},
		{"pool-undrain", "pool undrain web 198.51.100.11:8080", answering{st: pooled()}, exitOK, "pool drain {Service:web Server:198.51.100.11:8080 Drain:false}"},
		{"pool-drain-typo", "pool drain wbe 198.51.100.11:8080", noPool, exitUsage, ""},
		{"pool-drain-port", "pool drain web 198.51.100.11:80", noServer, exitUsage, ""},
		{"pool-drain-failed", "pool drain web 198.51.100.11:8080", answering{err: errors.New("changing the service: operation not permitted")}, exitFailure, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			socket := listen(t, &tc.agent)
			got := vicar(t.Context(), append(strings.Fields(tc.args), "--socket", socket)...)
			if got.code != tc.code {
				t.Errorf("exit code %d, want %d", got.code, tc.code)
			}
			if tc.asked != "" && tc.agent.asked != tc.asked {
				t.Errorf("asked %q, want %q", tc.agent.asked, tc.asked)
			}
			golden(t, tc.name+".txt", got.String())
		})
	}
}

// The names of pools and servers are completed where an agent answers.
func TestCompleteServers(t *testing.T) {
	socket := listen(t, &answering{st: pooled()})
	for line, want := range map[string]string{
		"pool drain --socket SOCKET ":                               "dns web",
		"pool drain --socket SOCKET w":                              "web",
		"pool drain --socket SOCKET web ":                           "198.51.100.11:8080 198.51.100.12:8080",
		"pool undrain --socket SOCKET web 198.51.100.12":            "198.51.100.12:8080",
		"pool undrain --socket SOCKET db ":                          "",
		"pool undrain --socket SOCKET web 198.51.100.12:8080 more ": "",
		"pool drain --socket none ":                                 "",
	} {
		args := append([]string{"__complete"}, strings.Split(strings.ReplaceAll(line, "SOCKET", socket), " ")...)
		lines := strings.Split(strings.TrimSpace(vicar(t.Context(), args...).stdout), "\n")
		if got := strings.Join(lines[:len(lines)-1], " "); got != want || lines[len(lines)-1] != ":4" {
			t.Errorf("%s: %q, want %q; directive %s", line, got, want, lines[len(lines)-1])
		}
	}
}

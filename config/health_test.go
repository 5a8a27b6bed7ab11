// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

func loadHealth(t *testing.T) *Config {
	t.Helper()
	c, err := Load("testdata/health.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	return c
}

// TestKinds: every kind of check, short and in full, as node lb-2 runs it.
func TestKinds(t *testing.T) {
	from16 := checks.Bind{Mark: 16}
	want := map[string]checks.Kind{
		"web": checks.HTTP{URL: "http://127.0.0.1/healthz"},
		"api": checks.HTTP{
			Bind: from16,
			TLS: checks.TLS{
				ServerName: "api.example.com", CA: "/etc/vicar/ca.pem",
				Certificate: "/etc/vicar/client.pem", Key: "/etc/vicar/client.key", Valid: 168 * time.Hour,
			},
			URL: "https://192.0.2.20:8443/healthz?deep=1", Method: "POST",
			Header: map[string]string{"Content-Type": "application/json", "X-Try": "1"},
			Host:   "api.example.com", Body: "{\"deep\": true}\n", Version: "1.1",
			Status: []checks.StatusRange{{First: 200, Last: 200}, {First: 204, Last: 206}, {First: 418, Last: 418}},
			Expect: `"ok": *true`, Fresh: true,
		},
		"http":      checks.HTTP{TLS: checks.TLS{Insecure: true}, URL: "https://web.example.com/", Version: "2", Status: []checks.StatusRange{{First: 200, Last: 299}}},
		"icmp":      checks.ICMP{Bind: checks.Bind{Source: netip.MustParseAddr("2001:db8::11"), Interface: "eth0"}, Host: "2001:db8::1", Size: 56},
		"icmp-too":  checks.ICMP{Host: "gw.example.com", Size: 1000},
		"tcp":       checks.TCP{Address: "[2001:db8::1]:80", Send: "PING\r\n", Expect: `^\+PONG`},
		"own":       checks.TCP{Address: "192.0.2.11:80"},
		"udp":       checks.UDP{Address: "192.0.2.1:514", Send: "hello"},
		"grpc":      checks.GRPC{TLS: checks.TLS{CA: "/etc/vicar/ca.pem"}, Address: "localhost:50051", Service: "my.Service", Secure: true, Fresh: true},
		"dns":       checks.DNS{Server: "192.0.2.53:53", Name: "www.example.com", Type: "A"},
		"dns-too":   checks.DNS{Server: "[2001:db8::53]:5353", Name: "example.com.", Type: "MX", TCP: true, Expect: "mail"},
		"smtp":      checks.SMTP{Address: "mail.example.com:25", Hello: "lb.example.com", Expect: "ESMTP"},
		"tls":       checks.Handshake{TLS: checks.TLS{Valid: 336 * time.Hour}, Address: "www.example.com:443"},
		"exec":      checks.Exec{Argv: []string{"/usr/local/bin/check", "-n", "1", "yes", "true"}},
		"nginx":     checks.Exec{Argv: []string{"/usr/local/bin/check"}, User: "nobody"},
		"process":   checks.Process{Name: "haproxy", Min: 1},
		"workers":   checks.Process{Command: "^php-fpm", Min: 2, Max: 8},
		"file":      checks.File{Path: "/run/maintenance", Absent: true},
		"value":     checks.File{Path: "/run/weight", Value: "1"},
		"interface": checks.Interface{Name: "eth0"},
		"device":    checks.Interface{Name: "eth0", Address: netip.MustParseAddr("192.0.2.11"), Speed: 1000},
	}
	got := make(map[string]checks.Kind)
	for _, v := range loadHealth(t).NodeChecks("lb-2") {
		got[v.Name] = v.Kind
	}
	if diff := cmp.Diff(want, got, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestHysteresis: what is silent.
func TestHysteresis(t *testing.T) {
	byName := make(map[string]checks.Check)
	for _, v := range loadHealth(t).Checks {
		v.Check.Kind = nil
		byName[v.Name] = v.Check
	}
	for name, want := range map[string]checks.Check{
		"web":       {Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond, Rise: 1, Fall: 2},
		"api":       {Interval: 30 * time.Second, Timeout: 10 * time.Second, Rise: 2, Fall: 3, Jitter: 0.125, InitialPass: true},
		"icmp-too":  {Interval: time.Second, Timeout: 200 * time.Millisecond, Rise: 2, Fall: 3},
		"exec":      {Interval: time.Second, Timeout: 500 * time.Millisecond, Rise: 2, Fall: 3},
		"process":   {Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1},
		"file":      {Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 2},
		"interface": {Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 1},
	} {
		want.Name = name
		if diff := cmp.Diff(want, byName[name], comparers); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestTracks: a track has its check's weight unless it says another.
func TestTracks(t *testing.T) {
	c := loadHealth(t)
	web := c.Routers[2]
	want := []track.Track{{Check: "web", Weight: -60}, {Check: "api", Weight: 20, Reverse: true}, {Check: "file"}}
	if diff := cmp.Diff(want, web.Tracks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if d := (Damping{Moves: 3, Within: time.Minute, Hold: 2 * time.Minute}); web.Damping != d || c.Routers[1].Damping != d {
		t.Errorf("damping: %+v and %+v", web.Damping, c.Routers[1].Damping)
	}
	if web.Listen != 20*time.Second || c.Routers[0].Listen != 0 || c.Routers[0].Damping != (Damping{}) {
		t.Errorf("got %+v", c.Routers)
	}
	edge := c.SyncGroups[0]
	if diff := cmp.Diff([]string{"web", "api"}, edge.Routers); diff != "" || edge.Name != "edge" {
		t.Errorf("%s (-want +got)\n%s", edge.Name, diff)
	}
	if n := len(edge.Tracks); n != 17 || edge.Tracks[1] != (track.Track{Check: "udp", Weight: 5, Reverse: true}) || edge.Tracks[16] != want[0] {
		t.Errorf("%d tracks: %v", n, edge.Tracks)
	}
}

// TestYield: yielding is a check's, and may be a track's instead, or not.
func TestYield(t *testing.T) {
	c := mustParse(t, `
cluster: web
nodes: {lb-1: {address: 192.0.2.10, priority: 150}, lb-2: {address: 192.0.2.11}}
routers:
  mail: {vrid: 51, addresses: [192.0.2.101/24], track: [disk, {check: smtp, weight: yield, reverse: true}]}
  web: {vrid: 52, addresses: [192.0.2.102/24], track: [{check: disk, weight: -60}, {check: smtp, weight: fault}]}
checks:
  disk: {file: /run/disk-ok, weight: yield}
  smtp: {tcp: 127.0.0.1:25}
`)
	want := [][]track.Track{
		{{Check: "disk", Yield: true}, {Check: "smtp", Yield: true, Reverse: true}},
		{{Check: "disk", Weight: -60}, {Check: "smtp"}},
	}
	for i, r := range c.Routers {
		if diff := cmp.Diff(want[i], r.Tracks); diff != "" {
			t.Errorf("%s (-want +got)\n%s", r.Name, diff)
		}
	}
}

func TestHooks(t *testing.T) {
	want := []Hook{
		{
			On: []vip.EventKind{vip.BecameActive, vip.GivesUp}, Routers: []string{"web"},
			Exec: []string{"/usr/local/bin/on-change", "--cluster", "web"}, User: "vicar", Timeout: 2 * time.Second,
		},
		{
			On:      []vip.EventKind{vip.BecameActive, vip.BecameBackup, vip.Faulted, vip.Stopped},
			Webhook: "http://127.0.0.1:9000/vip", Header: map[string]string{"Authorization": "Bearer abc"}, Timeout: 10 * time.Second,
		},
	}
	if diff := cmp.Diff(want, loadHealth(t).Hooks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestWitness: a witness is a node and takes no part in anything.
func TestWitness(t *testing.T) {
	c := loadHealth(t)
	if !c.Nodes[0].Witness || c.Nodes[0].Name != "arbiter" {
		t.Fatalf("nodes: %+v", c.Nodes)
	}
	if m, k := c.Members("arbiter"), c.NodeChecks("arbiter"); m != nil || k != nil {
		t.Errorf("it has %v and %v", m, k)
	}
	if k := c.NodeChecks("nobody"); k != nil {
		t.Errorf("an unknown node has %v", k)
	}
	for _, m := range c.Members("lb-1") {
		if p := m.Elections[0].Peers; len(p) != 1 || p[0].Node != "lb-2" {
			t.Errorf("the peers in %s are %v", m.Router.Name, p)
		}
	}
	for _, v := range c.Routers {
		if len(v.Priority) != 2 || len(v.Interface) != 2 {
			t.Errorf("router %s: %v, %v", v.Name, v.Priority, v.Interface)
		}
	}
	report := c.Report()
	if !report.Nodes[0].Witness || len(report.Routers[0].Candidates) != 2 {
		t.Errorf("report: %+v", report)
	}
	for _, k := range c.Checks {
		if k.OnNode("arbiter") != nil && k.Kinds != nil {
			t.Errorf("it has %v", k)
		}
	}
}

// TestUntracked: what nobody tracks is not run.
func TestUntracked(t *testing.T) {
	c := mustParse(t, small+"checks: {a: {file: /run/a}, b: {file: /run/b}}\nhooks: []\nsync_groups: {}\n")
	if len(c.Checks) != 2 || len(c.Warnings) != 2 || len(c.NodeChecks("lb-1")) != 0 {
		t.Errorf("got %+v, %v", c.Checks, c.Warnings)
	}
	if c.NodeChecks("lb-1") != nil || !strings.Contains(c.Warnings.Error(), "nobody tracks") {
		t.Errorf("got %v", c.Warnings)
	}
}

// TestHealthDigest: what moves the election is part of what a file means.
func TestHealthDigest(t *testing.T) {
	const base = "cluster: web\nnodes: {a: {address: 192.0.2.10}, b: {address: 192.0.2.11, priority: 90}, c: {address: 192.0.2.12, priority: 80}}\n" +
		"routers:\n  web: {vrid: 51, addresses: [192.0.2.100/24], track: [x], damping: true, listen: 1s}\n" +
		"  api: {vrid: 52, addresses: [192.0.2.101/24], damping: {}, listen: 1000ms}\n" +
		"sync_groups: {edge: [web, api]}\n" +
		"checks: {x: {tcp: 192.0.2.1:80, weight: -20}, y: {process: nginx}}\n" +
		"hooks: [{on: active, exec: [/bin/true]}]\n"
	want := mustParse(t, base).Digest()
	digests(t, base, false, [][2]string{
		{"tcp: 192.0.2.1:80", "udp: 192.0.2.1:80"},
		{"192.0.2.1:80", "192.0.2.1:81"},
		{"192.0.2.1:80", "{address: {a: 192.0.2.1:80, b: 192.0.2.1:80, c: 192.0.2.1:81}}"},
		{"weight: -20", "weight: -21"},
		{"weight: -20", "weight: -20, reverse: true"},
		{"weight: -20", "weight: -20, fall: 4"},
		{"[x]", "[x, y]"},
		{"damping: true", "damping: {}, exclude: [192.0.2.110/32]"},
		{"[web, api]", "[api, web]"},
		{"on: active", "on: backup"},
		{"c: {address: 192.0.2.12, priority: 80}", "c: {address: 192.0.2.12, witness: true}"},
	})
	same := strings.NewReplacer("tcp: 192.0.2.1:80", "tcp: {address: 192.0.2.1:80}", "[x]", "[{check: x, weight: -20}]").Replace(base)
	if mustParse(t, same).Digest() != want {
		t.Error("the same meaning has another digest")
	}
}

// TestNodesCalledLikeKeys: in a mapping whose keys are nodes they are no keys of
// the check.
func TestNodesCalledLikeKeys(t *testing.T) {
	c := mustParse(t, "cluster: web\nnodes: {node: {address: 192.0.2.10}, names: {address: 192.0.2.11, priority: 90}}\n"+
		"checks: {up: {interface: {node: eth1, names: eth2}}, too: {interface: {name: eth3, speed: 10}}}\n"+
		"routers: {web: {vrid: 51, addresses: [192.0.2.100/24], track: [up, too]}}\n")
	want := map[string]checks.Kind{"node": checks.Interface{Name: "eth1"}, "names": checks.Interface{Name: "eth2"}}
	if diff := cmp.Diff(want, c.Checks[1].Kinds, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(checks.Kind(checks.Interface{Name: "eth3", Speed: 10}), c.Checks[0].Kind, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/vip"
)

func loadPools(t *testing.T) *Config {
	t.Helper()
	c, err := Load("testdata/pools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	return c
}

func server(address string, weight int, forward pool.Forward, names ...string) pool.Server {
	a := netip.MustParseAddrPort(address)
	s := pool.Server{Name: address, Destination: pool.Destination{Address: a, Weight: weight, Forward: forward}}
	for _, n := range names {
		s.Checks = append(s.Checks, "web/"+address+"/"+n)
	}
	return s
}

// TestPool: a pool in full, with the servers of its file.
func TestPool(t *testing.T) {
	c := loadPools(t)
	names := []string{"http", "tcp", "exec", "tcp-2"}
	at11 := server("198.51.100.11:8080", 0, pool.NAT, names...)
	at11.Upper, at11.Lower, at11.Inhibit, at11.SlowStart = 500, 400, true, 30*time.Second
	six := server("[2001:db8:1::1]:80", 3, pool.Encap, names...)
	six.Tunnel = pool.Tunnel{Kind: pool.GUE, Port: 6080, Checksum: true}
	servers := []pool.Server{
		at11, server("198.51.100.12:8080", 3, pool.NAT, names...), server("198.51.100.13:80", 3, pool.Direct, names...),
		server("198.51.100.14:8080", 3, pool.NAT, names...), server("198.51.100.15:8080", 5, pool.NAT, names...), six,
	}
	for i := range servers {
		if i > 0 {
			servers[i].Upper, servers[i].SlowStart = 1000, 10*time.Second
		}
	}
	sorry := server("198.51.100.99:80", 1, pool.NAT)
	want := pool.Service{
		Virtual: pool.Virtual{
			Name: "web", Scheduler: pool.WRR,
			Frontends: []pool.Frontend{pool.Single(pool.TCP, netip.MustParseAddrPort("192.0.2.100:80"))},
		},
		Plane: pool.IPVS, Servers: servers, Sorry: &sorry, Quorum: 4, Hysteresis: 1,
		Omega: true, With: "web", Keep: true, DrainLimit: 5 * time.Minute,
	}
	if diff := cmp.Diff(want, c.PoolServices("lb-1")[3], comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := len(c.PoolServices("lb-2")); n != 4 {
		t.Errorf("lb-2 has %d services", n)
	}
	if c.PoolServices("arbiter") != nil || c.PoolChecks("arbiter") != nil || c.PoolSync("arbiter") != nil || c.PoolServices("nobody") != nil {
		t.Error("a witness balances")
	}
	if diff := cmp.Diff([]string{"testdata/servers/bare.txt", "testdata/servers/web.yaml"}, c.ServersFiles()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPoolDefaults: what is silent, marks, ranges and both planes.
func TestPoolDefaults(t *testing.T) {
	c := loadPools(t)
	frontends := make(map[string][]string)
	for _, p := range c.Pools {
		for _, f := range p.Frontends {
			frontends[p.Name] = append(frontends[p.Name], f.String())
		}
	}
	want := map[string][]string{
		"web":   {"192.0.2.100:80/tcp"},
		"dns":   {"[2001:db8::100]:53/udp", "[2001:db8::100-2001:db8::101]:5353-5354/udp"},
		"every": {"192.0.2.101:*/tcp", "192.0.2.102:*/tcp", "mark 7 (IPv4)"},
		"nft":   {"192.0.2.100:81-90/sctp", "192.0.2.100:443/udp"},
	}
	if diff := cmp.Diff(want, frontends); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	dns, every, nft := c.Pools[0], c.Pools[1], c.Pools[2]
	if dns.Scheduler != pool.SH || !dns.Fallback || !dns.Port || !dns.OnePacket || !dns.Alpha || dns.Keep || dns.Omega || dns.Sorry != nil || dns.Quorum != 1 {
		t.Errorf("dns: %+v", dns.Service)
	}
	if every.Scheduler != pool.WLC || every.Persistence != (pool.Persistence{Timeout: 5 * time.Minute, Prefix4: 24, Prefix6: 128}) || every.Servers[0].Address.Port() != 0 || every.Servers[0].Name != "198.51.100.21" {
		t.Errorf("every: %+v", every.Service)
	}
	if nft.Plane != pool.NFTables || nft.Scheduler != pool.WRR || len(nft.Servers) != 2 || nft.Servers[1].Name != "198.51.100.32" {
		t.Errorf("nft: %+v", nft.Service)
	}
	sync := c.PoolSync("lb-2")
	if *sync != (pool.Sync{Router: "web", Interface: "ens6", ID: 51, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.81"), Port: 8848, TTL: 2}) {
		t.Errorf("sync: %+v", sync)
	}
	if c.IPVS.Timeouts != (IPVSTimeouts{TCP: time.Hour, TCPFin: 30 * time.Second, UDP: 5 * time.Minute}) {
		t.Errorf("timeouts: %+v", c.IPVS.Timeouts)
	}
	hooks := []Hook{
		{On: []vip.EventKind{vip.QuorumUp, vip.QuorumDown}, Pools: []string{"web"}, Exec: []string{"/usr/local/bin/quorum"}, Timeout: 10 * time.Second},
		{On: []vip.EventKind{vip.BecameActive, vip.ServerDown}, Routers: []string{"web"}, Pools: []string{"dns", "web"}, Webhook: "http://127.0.0.1:9000/", Timeout: 10 * time.Second},
	}
	if diff := cmp.Diff(hooks, c.Hooks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPoolReport: what `vicar check` tells.
func TestPoolReport(t *testing.T) {
	nft := loadPools(t).Report().Pools[2]
	want := ReportPool{
		Name: "nft", Plane: "nftables", Scheduler: "wrr", Listen: []string{"192.0.2.100:81-90/sctp", "192.0.2.100:443/udp"},
		Persistence: time.Minute, Quorum: 1, ServersFile: "testdata/servers/bare.txt", Checks: []string{"file"},
		Servers: []ReportServer{{"198.51.100.31", "nat", 1}, {"198.51.100.32", "nat", 1}},
	}
	if diff := cmp.Diff(want, nft); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestPoolChecks: each server's checks, with its address in their texts.
func TestPoolChecks(t *testing.T) {
	c := loadPools(t)
	got := make(map[string]checks.Kind)
	for _, v := range c.PoolChecks("lb-2") {
		got[v.Name] = v.Kind
	}
	from := checks.Bind{Interface: "ens6"}
	for name, want := range map[string]checks.Kind{
		"web/198.51.100.11:8080/http":  checks.HTTP{URL: "http://198.51.100.11:8080/healthz"},
		"web/198.51.100.15:8080/tcp":   checks.TCP{Address: "198.51.100.15:8080"},
		"web/198.51.100.13:80/exec":    checks.Exec{Argv: []string{"/usr/local/bin/load", "-h", "198.51.100.13", "-p80"}, Dynamic: true},
		"web/198.51.100.12:8080/tcp-2": checks.TCP{Bind: from, Address: "198.51.100.12:81", Send: "PING", Expect: "PO{2}NG"},
		"web/[2001:db8:1::1]:80/http":  checks.HTTP{URL: "http://[2001:db8:1::1]:80/healthz"},
		"web/[2001:db8:1::1]:80/exec":  checks.Exec{Argv: []string{"/usr/local/bin/load", "-h", "2001:db8:1::1", "-p80"}, Dynamic: true},
		"dns/[2001:db8:1::54]:53/dns":  checks.DNS{Server: "[2001:db8:1::54]:53", Name: "www.example.com", Type: "A"},
		"every/198.51.100.21/icmp":     checks.ICMP{Host: "198.51.100.21", Size: 56},
		"every/198.51.100.22/tls":      checks.Handshake{Address: "198.51.100.22:443"},
		"every/198.51.100.22/http":     checks.HTTP{URL: "http://198.51.100.22/x", Host: "www.example.com", Dynamic: true},
		"every/198.51.100.22/smtp":     checks.SMTP{Address: "198.51.100.22:25"},
		"nft/198.51.100.31/file":       checks.File{Path: "/run/weights/198.51.100.31", Dynamic: true},
	} {
		if diff := cmp.Diff(want, got[name], comparers); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if n := len(got); n != 6*4+2+2*4+2 {
		t.Errorf("%d checks", n)
	}
	for _, v := range c.PoolChecks("lb-1") {
		if v.Name == "web/198.51.100.11:8080/http" && (v.Interval != 500*time.Millisecond || v.Fall != 2 || v.Rise != 2) {
			t.Errorf("got %+v", v)
		}
	}
	own := c.NodeChecks("lb-1")
	if len(own) != 2 || own[1].Kind != (checks.Pool{Service: "web"}) || own[1].Rise != 1 || own[1].Fall != 1 || own[0].Interval != 500*time.Millisecond {
		t.Errorf("the node's own: %+v", own)
	}
}

// TestServersFile: what another program writes is read anew, and is no part of what
// the configuration means.
func TestServersFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "servers.yaml")
	text := []byte(small + "pools: {a: {listen: 192.0.2.100:80, servers: [198.51.100.1:80], servers_file: servers.yaml, checks: tcp}}\n")
	c, err := Parse(filepath.Join(dir, "vicar.yaml"), text)
	if err != nil || len(c.Warnings) != 1 || len(c.Pools[0].Servers) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, tt := range []struct {
		content string
		servers int // 0: an error
	}{
		{"- 198.51.100.2:80\n- 198.51.100.3:80\n", 3},
		{"[]\n", 1},
		{"", 0},
		{"\xef\xbb\xbf198.51.100.2:80\r\n198.51.100.3:80", 3},
		{"[2001:db8::1]:80\n", 0},
		{"servers: []\n", 0},
		{"- {address: 198.51.100.2:80, weight: 3}\n# the end\n", 2},
		{"- 198.51.100.1:80\n", 0},
		{strings.Repeat("#\n", maxLines), 0},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		again, refused, err := c.Reread([]string{file})
		switch {
		case err != nil || (refused == nil) != (tt.servers > 0):
			t.Errorf("%.40q: %v, %v", tt.content, refused, err)
		case refused != nil && (refused[0].File != file || len(again.Pools[0].Servers) != len(c.Pools[0].Servers)):
			t.Errorf("%.40q: refused %v, and now there are %+v", tt.content, refused, again.Pools[0].Servers)
		case refused == nil && (len(again.Pools[0].Servers) != tt.servers || len(again.Pools[0].Checks) != tt.servers):
			t.Errorf("%.40q: %+v", tt.content, again.Pools[0])
		case again.Digest() != c.Digest():
			t.Errorf("%.40q: the digest is another", tt.content)
		}
	}
	other := bytes.Replace(text, []byte("checks: tcp"), []byte("checks: icmp"), 1)
	if d, err := Parse(filepath.Join(dir, "vicar.yaml"), other); err == nil && d.Digest() == c.Digest() {
		t.Error("the digest does not see the checks")
	}
}

// TestRereadOneByOne: of several files the one that can't be used changes nothing, and the others
// do not wait for it, nor for one that is gone.
func TestRereadOneByOne(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad, good, gone := write("bad", "198.51.100.1:80\n"), write("good", "198.51.100.2:80\n"), write("gone", "198.51.100.3:80\n")
	file := write("vicar.yaml", `cluster: web
nodes: {lb-1: {address: 192.0.2.10}}
routers: {web: {vrid: 1, addresses: [192.0.2.100/24]}}
pools:
  bad: {listen: 192.0.2.100:80, servers_file: bad}
  good: {listen: 192.0.2.100:81, servers_file: good}
  gone: {listen: 192.0.2.100:82, servers_file: gone}
`)
	c, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	write("bad", "198.51.100.1:80\nhere\n")
	write("good", "198.51.100.12:80\n")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	shows := func(c *Config, want ...string) {
		t.Helper()
		var got []string
		for _, p := range c.Pools {
			for _, s := range p.Servers {
				got = append(got, s.Name)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	again, refused, err := c.Reread([]string{bad, good, gone})
	if err != nil || len(refused) != 1 || refused[0].File != bad || refused[0].Line != 2 {
		t.Fatalf("%v, %v", refused, err)
	}
	shows(again, "198.51.100.1:80", "198.51.100.3:80", "198.51.100.12:80")
	if again, refused, err = again.Reread([]string{good}); err != nil || refused != nil {
		t.Fatalf("%v, %v", refused, err)
	}
	shows(again, "198.51.100.1:80", "198.51.100.3:80", "198.51.100.12:80")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bad, 0o700); err != nil {
		t.Fatal(err)
	}
	again, refused, err = again.Reread([]string{bad})
	if err != nil || len(refused) != 1 || !strings.Contains(refused.Error(), "regular file") || !again.Serves(gone) {
		t.Fatalf("%v, %v", refused, err)
	}
	shows(again, "198.51.100.1:80", "198.51.100.3:80", "198.51.100.12:80")
}

// TestDigestWithoutPools: configurations that have no pools mean what they meant
// before there were any.
func TestDigestWithoutPools(t *testing.T) {
	if got, want := mustParse(t, small).Digest(), "ab8c858dcdf8b13f"; got != want {
		t.Errorf("the digest is %s, was %s", got, want)
	}
	c, err := Load("testdata/health.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Digest(), "afffdeb6ea321afc"; got != want {
		t.Errorf("the digest is %s, was %s", got, want)
	}
}

// manyServers is a configuration with n servers in several pools.
func manyServers(n, each int) []byte {
	var b strings.Builder
	b.WriteString(small + "pools:\n")
	for i := range n {
		if i%each == 0 {
			fmt.Fprintf(&b, "  p%d:\n    listen: 192.0.2.100:%d\n    checks: [{http: /healthz, interval: 2s}, tcp]\n    servers:\n", i/each, 1+i/each)
		}
		fmt.Fprintf(&b, "      - 198.51.%d.%d:%d\n", 100+i%100/50, 1+i%50, 1000+i)
	}
	return []byte(b.String())
}

// TestManyServers: thousands of servers have their checks, and names of their own.
func TestManyServers(t *testing.T) {
	c, err := Parse("vicar.yaml", manyServers(4000, 8))
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, 8000)
	for _, v := range c.PoolChecks("lb-1") {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != 8000 || len(c.Pools) != 500 {
		t.Errorf("%d checks, %d pools", len(names), len(c.Pools))
	}
}

func BenchmarkManyServers(b *testing.B) {
	text := manyServers(4000, 8)
	for b.Loop() {
		if _, err := Parse("vicar.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}

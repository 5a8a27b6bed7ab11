// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReport compares whole reports. The digest in one changes when the meaning of
// the file or the Config's form does; nodes of one version agree.
func TestReport(t *testing.T) {
	for file, want := range map[string]string{
		"testdata/vicar.yaml":  "testdata/report.json",
		"testdata/health.yaml": "testdata/report-health.json",
		"testdata/guard.yaml":  "testdata/report-guard.json",
		"testdata/cloud.yaml":  "testdata/report-cloud.json",
	} {
		t.Run(want, func(t *testing.T) {
			c, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			b, err := json.MarshalIndent(c.Report(), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, want, string(b)+"\n")
		})
	}
}

// digests wants what a file means to stay the same, or not to, with each change of
// one text into another.
func digests(t *testing.T, base string, same bool, changes [][2]string) {
	t.Helper()
	want := mustParse(t, base).Digest()
	for _, change := range changes {
		changed := strings.Replace(base, change[0], change[1], 1)
		if changed == base {
			t.Errorf("no %s to change", change[0])
		}
		if got := mustParse(t, changed).Digest(); (got == want) != same {
			t.Errorf("with %s the digest is %s, and was %s", change[1], got, want)
		}
	}
}

func TestReportTie(t *testing.T) {
	c := mustParse(t, `
cluster: web
nodes:
  a: {address: 192.0.2.10}
  b: {address: 192.0.2.9}
  c: {address: [2001:db8::1, 192.0.2.11], priority: 50}
routers:
  web: {vrid: 1, addresses: [192.0.2.100/24, 2001:db8::100/64]}
`)
	var order []string
	for _, n := range c.Report().Routers[0].Candidates {
		order = append(order, n.Node)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, order); diff != "" {
		t.Error(diff)
	}
	if n := c.Report().Routers[0].Candidates; !n[0].Tie || !n[1].Tie || n[2].Tie {
		t.Errorf("ties: %+v", n)
	}
}

func TestMembers(t *testing.T) {
	c, err := Load("testdata/vicar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if m := c.Members("nobody"); m != nil {
		t.Errorf("an unknown node has %v", m)
	}
	members := c.Members("lb-2")
	if len(members) != 2 {
		t.Fatalf("%d members", len(members))
	}
	web := members[1]
	if web.Interface != "eth0" || web.Priority != 100 || web.Router.Name != "web" {
		t.Errorf("got %+v", web)
	}
	want := []Election{
		{Family: 4, Addresses: addrs("192.0.2.100"), Own: addrs("192.0.2.11"), Peers: []Peer{
			{Node: "lb-1", Addresses: addrs("192.0.2.10")}, {Node: "lb-3", Addresses: addrs("192.0.2.12")},
		}},
		{Family: 6, Addresses: addrs("2001:db8::100"), Own: addrs("2001:db8::11"), Peers: []Peer{
			{Node: "lb-1", Addresses: addrs("2001:db8::10")}, {Node: "lb-3", Addresses: addrs("2001:db8::12")},
		}},
	}
	if diff := cmp.Diff(want, web.Elections, comparers); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestDigest: formatting, order and defaults don't count, values do.
func TestDigest(t *testing.T) {
	const base = `
cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11}
routers:
  web: {vrid: 51, addresses: [192.0.2.100/24, 2001:db8::100/64], priority: {lb-2: 120}}
  api: {vrid: 52, addresses: [192.0.2.101/24]}
`
	const same = `# the same
routers:
  api:
    addresses:
      - "192.0.2.101/24"
    vrid: 52
    version: 3
    advert_interval: 1000ms
    preempt: true
  web:
    vrid: 51
    priority:
      lb-2: 120
      lb-1: 150
    addresses: [192.0.2.100/24, '2001:DB8:0::100/64']
nodes: {lb-2: {address: [192.0.2.11], priority: 100}, lb-1: {priority: 150, address: 192.0.2.10}}
cluster: "web"
control: {}
announce: {repeat: 5}
transport: {}
`
	want := mustParse(t, base).Digest()
	if got := mustParse(t, same).Digest(); got != want {
		t.Errorf("the same meaning has the digests %s and %s", want, got)
	}
	digests(t, base, false, [][2]string{
		{"cluster: web", "cluster: api"},
		{"192.0.2.10,", "192.0.2.12,"},
		{"priority: 150", "priority: 151"},
		{"lb-2: 120", "lb-2: 121"},
		{"vrid: 52", "vrid: 53"},
		{"192.0.2.100/24, 2001:db8::100/64", "2001:db8::100/64, 192.0.2.100/24"},
		{"192.0.2.101/24]", "192.0.2.101/25]"},
		{"192.0.2.101/24]", "192.0.2.101/24], preempt: 1s"},
		{"192.0.2.101/24]", "192.0.2.101/24], version: 2"},
		{"192.0.2.101/24]", "192.0.2.101/24], version: 2, auth: {password: a}"},
		{"192.0.2.101/24]", "192.0.2.101/24], checksum: keepalived"},
		{"192.0.2.101/24]", "192.0.2.101/24], announce: {rate: 1}"},
	})
}

func mustParse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("vicar.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

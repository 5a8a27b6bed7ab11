// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/config"
)

const restartFile = `cluster: web
nodes:
  lb-1: {address: 192.0.2.10}
  lb-2: {address: 192.0.2.20}
  arbiter: {address: 192.0.2.30, witness: true}
peer_link: {port: 7000, keys_file: /etc/vicar/keys}
guard: {kind: quorum}
routers:
  web: {vrid: 1, interface: eth0, addresses: [192.0.2.100/24]}
`

// TestFixed wants named what has changed, and nothing else.
func TestFixed(t *testing.T) {
	const link, guard = "peer_link: {port: 7000, keys_file: /etc/vicar/keys}\n", "guard: {kind: quorum}\n"
	tests := map[string]struct {
		from, to string // in the file
		want     []string
	}{
		"nothing":           {"", "", nil},
		"a node more":       {"peer_link", "  lb-3: {address: 192.0.2.40}\npeer_link", nil},
		"another's address": {"192.0.2.20", "192.0.2.21", nil},
		"another's witness": {", witness: true}", "}", nil},
		"keys":              {"/etc/vicar/keys", "/etc/vicar/others", nil},
		"max_lease":         {"kind: quorum", "kind: quorum, max_lease: 5s", nil},
		"cluster":           {"cluster: web", "cluster: shop", []string{"cluster (web, in the file shop)"}},
		"an address":        {"192.0.2.10", "192.0.2.11", []string{"nodes.lb-1.address ([192.0.2.10], in the file [192.0.2.11])"}},
		"an address more": {"address: 192.0.2.10", "address: [192.0.2.10, \"2001:db8::10\"]", []string{
			"nodes.lb-1.address ([192.0.2.10], in the file [192.0.2.10 2001:db8::10])",
		}},
		"port":  {"7000", "7001", []string{"peer_link.port (7000, in the file 7001)"}},
		"fence": {"kind: quorum", "kind: quorum, fence: arp", []string{"guard.fence (auto, in the file arp)"}},
		"guard": {guard, "", []string{"guard.kind (quorum, in the file none)"}},
		"none":  {"kind: quorum", "kind: none", []string{"guard.kind (quorum, in the file none)"}},
		"link":  {link + guard, "", []string{"peer_link (the file has none)", "guard.kind (quorum, in the file none)"}},
		"witness": {"lb-1: {address: 192.0.2.10}", "lb-1: {address: 192.0.2.10, witness: true}", []string{
			"nodes.lb-1.witness (false, in the file true)",
		}},
		"socket": {"routers", "control: {socket: /run/s}\nrouters", []string{"control.socket (none, in the file /run/s)"}},
		"http": {"routers", "control: {http: \"127.0.0.1:9000\"}\nrouters", []string{
			"control.http (none, in the file 127.0.0.1:9000)",
		}},
		"two": {"web\nnodes:\n  lb-1: {address: 192.0.2.10}", "shop\nnodes:\n  lb-1: {address: 192.0.2.11}", []string{
			"cluster (web, in the file shop)", "nodes.lb-1.address ([192.0.2.10], in the file [192.0.2.11])",
		}},
	}
	old := parsed(t, restartFile)
	places := make(map[string]bool)
	for name, tc := range tests {
		now := parsed(t, strings.Replace(restartFile, tc.from, tc.to, 1))
		if diff := cmp.Diff(tc.want, fixed(old, now, "lb-1")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		for _, w := range tc.want {
			place, _, _ := strings.Cut(w, " ")
			places[strings.Replace(place, "lb-1", "NODE", 1)] = true
		}
	}
	if got, want := fixed(parsed(t, strings.Replace(restartFile, link+guard, "", 1)), old, "lb-1"), []string{"peer_link (which is new)", "guard.kind (none, in the file quorum)"}; !cmp.Equal(got, want) {
		t.Errorf("a new link: %q, want %q", got, want)
	}
	for _, file := range []string{"operations.md", "commands.md"} {
		text, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for place := range places {
			if !strings.Contains(string(text), "`"+place+"`") {
				t.Errorf("docs/%s doesn't name %s", file, place)
			}
		}
	}
}

func parsed(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("vicar.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Where a reload is refused nobody is told to reload.
func TestRestartAdvice(t *testing.T) {
	st := guarded()
	for i := range st.Fleet {
		st.Fleet[i].Differs = !st.Fleet[i].Here
	}
	st.NeedsRestart = []string{"cluster (web, in the file shop)"}
	text := renderStatus(st, false)
	if strings.Contains(text, "run vicar reload") || !strings.Contains(text, "systemctl restart vicar") || !strings.Contains(text, "restart this node") {
		t.Error(text)
	}
	st.NeedsRestart = nil
	if text := renderStatus(st, false); !strings.Contains(text, "run vicar reload") || strings.Contains(text, "restart") {
		t.Error(text)
	}
}

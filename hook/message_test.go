// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

func TestDocument(t *testing.T) {
	full := vip.Event{
		Kind: vip.BecameActive, Cluster: "main", Node: "lb-1", Router: "web", State: "Active", From: "Backup", Term: 7,
		Reason: "no advert", Priority: 150, Peer: netip.MustParseAddr("192.0.2.11"), Interface: "eth0",
		Addresses: prefixes("192.0.2.100/24", "2001:db8::100/64"), Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for _, c := range []struct {
		name    string
		event   vip.Event
		skipped int
		want    string
	}{
		{
			"full", full, 2,
			`{"version":1,"event":"active","cluster":"main","node":"lb-1","router":"web","state":"Active","previous":"Backup",` +
				`"term":7,"reason":"no advert","priority":150,"peer":"192.0.2.11","interface":"eth0",` +
				`"addresses":["192.0.2.100/24","2001:db8::100/64"],"time":"2026-01-02T03:04:05Z","skipped":2}` + "\n",
		},
		{
			"a server of a pool",
			vip.Event{
				Kind: vip.ServerDown, Cluster: "main", Node: "lb-1", Pool: "web", Server: "198.51.100.11:8080", State: "down", From: "up",
				Reason: "http fails", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			},
			0,
			`{"version":1,"event":"server_down","cluster":"main","node":"lb-1","pool":"web","server":"198.51.100.11:8080","state":"down",` +
				`"previous":"up","term":0,"reason":"http fails","priority":0,` +
				`"addresses":[],"time":"2026-01-02T03:04:05Z","skipped":0}` + "\n",
		},
		{
			"empty",
			vip.Event{Kind: vip.Stopped},
			0,
			`{"version":1,"event":"stop","cluster":"","node":"","state":"","previous":"",` +
				`"term":0,"reason":"","priority":0,"addresses":[],"time":"0001-01-01T00:00:00Z","skipped":0}` + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := newMessage(delivery{event: &c.event, skipped: c.skipped})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(m.doc)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	e := vip.Event{
		Kind: vip.Faulted, Cluster: "main", Node: "lb-1", Router: "web", State: "Initialize", From: "Backup", Term: 7,
		Reason: "check haproxy: \x1b[31mbad\x00\r\nVICAR_STATE=Active \u009b\xff", Priority: 150, Peer: netip.MustParseAddr("2001:db8::11"),
	}
	want := []string{
		"VICAR_EVENT=fault", "VICAR_ROUTER=web", "VICAR_POOL=", "VICAR_SERVER=", "VICAR_STATE=Initialize", "VICAR_PREVIOUS=Backup", "VICAR_TERM=7",
		"VICAR_PRIORITY=150", "VICAR_NODE=lb-1", "VICAR_CLUSTER=main", "VICAR_PEER=2001:db8::11",
		"VICAR_REASON=check haproxy: [31mbadVICAR_STATE=Active \ufffd",
	}
	if diff := cmp.Diff(want, environment(&e)); diff != "" {
		t.Error(diff)
	}
	e.Peer = netip.Addr{}
	e.Reason = strings.Repeat("\u00e4", maxValue)
	env := environment(&e)
	if env[10] != "VICAR_PEER=" {
		t.Errorf("no peer is %q", env[10])
	}
	if got := env[11]; len(got) > maxValue || len(got) < maxValue-1 || strings.Trim(strings.TrimPrefix(got, "VICAR_REASON="), "\u00e4") != "" {
		t.Errorf("a long reason has %d bytes: %q", len(got), got)
	}
}

// FuzzHarmless: whatever a server said, it neither moves a terminal's cursor
// nor makes a document that can't be read.
func FuzzHarmless(f *testing.F) {
	for _, s := range []string{"", "no advert", "\x1b[2J", "\x00", "\xff\xfe", "\u009b31m", "\u00e4\u4e16", "a\r\nb"} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(0, limit%5000)
		got := harmless(s, limit)
		if len(got) > limit {
			t.Errorf("%q has more than %d bytes", got, limit)
		}
		if harmless(got, limit) != got {
			t.Errorf("%q is not harmless", got)
		}
		m, err := newMessage(delivery{event: &vip.Event{Reason: s}})
		if err != nil || !json.Valid(m.doc) {
			t.Errorf("reason %q makes %s, %v", s, m.doc, err)
		}
		for _, v := range m.env {
			if strings.ContainsAny(v, "\x00\n\r\x1b") {
				t.Errorf("reason %q makes %q", s, v)
			}
		}
	})
}

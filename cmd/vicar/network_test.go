// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/demo"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/status"
)

// ip runs ip on the node.
func (n *node) ip(t *testing.T, args string) {
	t.Helper()
	if out, err := n.Run(t.Context(), "ip", strings.Fields(args)...); err != nil {
		t.Fatalf("ip %s: %v\n%s", args, err, out)
	}
}

// router waits until the node's router is as wanted.
func (n *node) router(t *testing.T, what string, ok func(status.Router) bool) {
	t.Helper()
	var last string
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last status: %s", last)
		}
	})
	labtest.Eventually(t, 20*time.Second, what, func() bool {
		got := n.vicar(t, "status", "--json")
		last = got.stdout + got.stderr
		var s status.Status
		return json.Unmarshal([]byte(got.stdout), &s) == nil && len(s.Routers) == 1 && ok(s.Routers[0])
	})
}

// in is a router in a state for a reason.
func in(state, reason string) func(status.Router) bool {
	return func(r status.Router) bool { return r.State == state && strings.Contains(r.Reason, reason) }
}

// TestNetworkChanges: what happens to the network under a running agent, it
// says, and it recovers by itself.
func TestNetworkChanges(t *testing.T) {
	n := newNode(t)
	n.agent(t)
	n.has(t, true, "192.0.2.100")

	n.ip(t, "address delete 192.0.2.100/24 dev eth0")
	n.has(t, true, "192.0.2.100")
	n.router(t, "counts what it restored", func(r status.Router) bool { return r.Restored == 1 && r.Held })

	n.ip(t, "link set eth0 down")
	n.router(t, "sees the link go down", in("Initialize", "interface eth0 is down"))
	n.has(t, false, "192.0.2.100")
	n.ip(t, "link set eth0 up")
	n.has(t, true, "192.0.2.100")

	n.ip(t, "address delete 192.0.2.10/24 dev eth0")
	n.router(t, "misses an address to send from", in("Initialize", "no IPv4 address"))
	n.ip(t, "address add 192.0.2.20/24 dev eth0")
	n.router(t, "sends from another address", func(r status.Router) bool {
		return r.State == "Active" && r.Engines[0].Primary == netip.MustParseAddr("192.0.2.20")
	})
	n.has(t, true, "192.0.2.100")
}

// TestInterfaceComesAndGoes: the interface may come after the agent, go, and
// come back as another one.
func TestInterfaceComesAndGoes(t *testing.T) {
	n := newNode(t)
	n.write(t, "interface: eth1, addresses: [203.0.113.100/24]")
	n.agent(t)
	n.router(t, "waits for the interface", in("Initialize", "interface eth1 does not exist"))
	for round := range 2 {
		n.ip(t, "link add eth1 type veth peer name other1")
		n.ip(t, "link set other1 up")
		n.ip(t, fmt.Sprintf("address add 203.0.113.%d/24 dev eth1", 10+round))
		n.ip(t, "link set eth1 up")
		n.router(t, "holds on the new interface", in("Active", ""))
		n.ip(t, "link delete eth1")
		n.router(t, "sees the interface go", in("Initialize", "interface eth1 does not exist"))
	}
}

// TestStrayAddress: a virtual address that somebody else put on a node that
// doesn't hold it is told.
func TestStrayAddress(t *testing.T) {
	n := newNode(t)
	n.write(t, "interface: eth1, addresses: [192.0.2.100/24]")
	n.ip(t, "address add 192.0.2.100/24 dev eth0")
	n.agent(t)
	n.router(t, "tells the stray address", func(r status.Router) bool {
		return r.Stray == "192.0.2.100 is on eth0, and not by this agent"
	})
}

// TestDemo plays the demos as a newcomer would.
func TestDemo(t *testing.T) {
	if err := lab.Permitted(); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	for _, c := range []struct {
		command, last string
	}{
		{"demo", "lb-1 is stopped in good order"},
		{"demo --cloud", "EC2 refuses all connections to its API"},
	} {
		t.Run(c.command, func(t *testing.T) {
			got := newNode(t).vicar(t, strings.Fields(c.command)...)
			if got.code != exitOK || !strings.Contains(got.stdout, c.last) || strings.Count(got.stdout, "ms without an answer") < 2 {
				t.Errorf("%s: %v", c.command, got)
			}
			if c.command == "demo --cloud" {
				wantOtherwise(t, got.stdout)
			}
			lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
			if last := lines[len(lines)-1]; !strings.HasPrefix(last, "  Next: ") {
				t.Errorf("%s: it goes on after its last words, with %q", c.command, last)
			}
		})
	}
}

// wantOtherwise wants the demo to say what its figures depend on.
func wantOtherwise(t *testing.T, story string) {
	t.Helper()
	for _, want := range []string{"every 100ms", "looks every 1s", "with a table as the third vote", "with the default poll: up to 30 s"} {
		if !strings.Contains(story, want) {
			t.Errorf("the demo does not say %q:\n%s", want, story)
		}
	}
}

// TestDemoJSON wants the figures alone.
func TestDemoJSON(t *testing.T) {
	if err := lab.Permitted(); err != nil {
		t.Skipf("needs network namespaces: %v", err)
	}
	got := newNode(t).vicar(t, "demo", "--cloud", "--json")
	var r demo.Report
	if err := json.Unmarshal([]byte(got.stdout), &r); got.code != exitOK || err != nil {
		t.Fatalf("%v: %v", err, got)
	}
	if len(r.Acts) != 4 || r.Acts[0].Outage == 0 || r.Acts[0].Elected == 0 || r.Acts[0].Otherwise == "" || r.Timing.Poll != time.Second || r.Timing.Advert != 100*time.Millisecond {
		t.Errorf("%+v", r)
	}
}

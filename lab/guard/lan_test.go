// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/probe"
)

// secondNIC is the name of a host's other interface, and peerBridge and
// labBridge those of the LANs in the switch.
const (
	secondNIC  = "eth1"
	peerBridge = "peers"
	labBridge  = "br0"
)

// addBridge adds another LAN to the switch, without IPv6 of its own.
func addBridge(t *testing.T, l *lab.Lab, name string) {
	t.Helper()
	ip(t, l.Switch(), "link", "add", name, "type", "bridge", "mcast_snooping", "0")
	ip(t, l.Switch(), "link", "set", name, "up")
}

// addNIC adds an interface to a host: a cable to a bridge in the switch. The
// address may be none.
func addNIC(t *testing.T, l *lab.Lab, h *lab.Host, bridge string, n byte, address netip.Prefix) probe.Port {
	t.Helper()
	port := h.Name + "-b"
	mac := net.HardwareAddr{2, 0, 0, 1, 0, n}
	labtest.OK(t, h.Do(func() error {
		// A thread of the host's while this runs, by which ip finds it.
		here := fmt.Sprintf("/proc/%d/task/%d/ns/net", os.Getpid(), syscall.Gettid())
		ip(t, l.Switch(), "link", "add", port, "type", "veth", "peer", "name", secondNIC, "address", mac.String(), "netns", here)
		return nil
	}))
	ip(t, l.Switch(), "link", "set", port, "master", bridge, "up")
	ip(t, h, "link", "set", secondNIC, "up")
	if address.IsValid() {
		ip(t, h, "address", "add", address.String(), "dev", secondNIC)
	}
	at := probe.Port{MAC: mac}
	labtest.OK(t, l.Switch().Do(func() error {
		i, err := net.InterfaceByName(port)
		if err == nil {
			at.Index = i.Index
		}
		return err
	}))
	return at
}

// ip runs iproute2's command on a host.
func ip(t *testing.T, h *lab.Host, args ...string) {
	t.Helper()
	if out, err := h.Run(t.Context(), "ip", args...); err != nil {
		t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

// nft adds rules on a host.
func nft(t *testing.T, h *lab.Host, rules string) {
	t.Helper()
	if out, err := h.Run(t.Context(), "nft", rules); err != nil {
		t.Fatalf("nft: %v: %s\n%s", err, out, rules)
	}
}

// oneWay makes the switch drop what comes from a host (iifname) or goes to it
// (oifname). The probers send and hear past that.
func oneWay(t *testing.T, l *lab.Lab, h *lab.Host, direction string) {
	t.Helper()
	nft(t, l.Switch(), fmt.Sprintf(`table bridge guard {
		chain oneway { type filter hook forward priority 0; %s "%s" drop; }
	}`, direction, h.Name))
}

// bothWays ends oneWay.
func bothWays(t *testing.T, l *lab.Lab) {
	t.Helper()
	nft(t, l.Switch(), "delete table bridge guard")
}

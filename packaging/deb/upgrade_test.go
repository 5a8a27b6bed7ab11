// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
	"github.com/vicar-ha/vicar/lab/probe"
)

// interval is long: what waits for a timer of the election waits for one of them or
// more, and no busy machine takes as long for what does not.
const interval = 4 * time.Second

// watched probes the address from a client's host until the test's end, and has
// the longest time without an answer since the first one.
func watched(t *testing.T, l *lab.Lab) (worst func() time.Duration) {
	t.Helper()
	session := probe.New(time.Millisecond)
	client, err := session.Client(labtest.Host(t, l, "client", "192.0.2.9/24"), vip)
	labtest.OK(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- session.Run(ctx) }()
	t.Cleanup(stop)
	labtest.Eventually(t, time.Minute, "first answer", func() bool { return client.Last() > 0 })
	from := session.Now()
	return func() time.Duration {
		t.Helper()
		until := session.Now()
		labtest.Eventually(t, time.Minute, "answer after all", func() bool { return client.Last() > until })
		stop()
		labtest.OK(t, <-ended)
		return client.Worst(from, session.Now()).Duration()
	}
}

// node boots a machine with the older package, a file and keys, and starts the agent.
func node(t *testing.T, l *lab.Lab, name, address, deb, file, keys string) *machine.Machine {
	t.Helper()
	m := machine.Boot(t, labtest.Host(t, l, name, address), machine.Debian(t))
	m.Copy(older(t, deb), "/tmp/old.deb")
	m.Copy(deb, "/tmp/new.deb")
	m.Run("dpkg -i /tmp/old.deb")
	m.Write("/etc/vicar/vicar.yaml", 0o640, file)
	m.Write("/etc/vicar/keys", 0o600, keys)
	m.Run("chown vicar /etc/vicar/keys; systemctl start vicar")
	return m
}

// keygen is a key file, for all nodes of a test.
func keygen(t *testing.T) string {
	t.Helper()
	file := t.TempDir() + "/keys"
	tool(t, binary, "keygen", "-o", file)
	text, err := os.ReadFile(file)
	labtest.OK(t, err)
	return string(text)
}

// TestUpgrade: the holder hands over and takes the address back, and clients wait for
// no timer: the other node's skew, which it would wait for, is an interval.
func TestUpgrade(t *testing.T) {
	deb := made(t, "*.deb")
	l := labtest.New(t)
	file, keys := fmt.Sprintf(`cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 200}
  lb-2: {address: 192.0.2.11, priority: 1}
peer_link: {keys_file: /etc/vicar/keys}
routers:
  web: {vrid: 51, interface: eth0, advert_interval: %v, addresses: [192.0.2.100/24]}
`, interval), keygen(t)
	a := node(t, l, "lb-1", "192.0.2.10/24", deb, file, keys)
	b := node(t, l, "lb-2", "192.0.2.11/24", deb, file, keys)
	holds(t, a, true)
	for _, m := range []*machine.Machine{a, b} {
		labtest.Eventually(t, time.Minute, "well", func() bool {
			out, err := m.Try("vicar status")
			return err == nil && !strings.Contains(out, "Wrong now") && !strings.Contains(out, "Initialize")
		})
	}
	worst := watched(t, l)
	a.Run("dpkg -i --force-confold /tmp/new.deb")
	holds(t, a, true)
	b.Run("dpkg -i --force-confold /tmp/new.deb")
	holds(t, a, true)
	holds(t, b, false)
	gap := worst()
	t.Logf("without an answer for %v", gap)
	if gap > interval/2 {
		t.Errorf("clients had no answer for %v, with an interval of %v", gap, interval)
	}
}

// TestUpgradeAlone: a node that has nobody to hand over to has the address back when it
// has restarted. It waits for no Active, which it was itself.
func TestUpgradeAlone(t *testing.T) {
	deb := made(t, "*.deb")
	l := labtest.New(t)
	m := node(t, l, "lb-1", "192.0.2.10/24", deb, fmt.Sprintf(`cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 200}
routers:
  web: {vrid: 51, interface: eth0, advert_interval: %v, addresses: [192.0.2.100/24]}
`, interval), "")
	holds(t, m, true)
	worst := watched(t, l)
	m.Run("dpkg -i --force-confold /tmp/new.deb")
	holds(t, m, true)
	gap := worst()
	t.Logf("without an answer for %v", gap)
	if gap > 2*interval { // a start waits for more than three
		t.Errorf("clients had no answer for %v, with an interval of %v", gap, interval)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package machine_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
)

// TestMachines boots two on one network.
func TestMachines(t *testing.T) {
	root := machine.Debian(t)
	l := labtest.New(t)
	a := machine.Boot(t, labtest.Host(t, l, "lb-1", "192.0.2.10/24"), root)
	b := machine.Boot(t, labtest.Host(t, l, "lb-2", "192.0.2.11/24"), root)

	for m, want := range map[*machine.Machine]string{a: "lb-1", b: "lb-2"} {
		if got := strings.TrimSpace(m.Run("hostname; cat /proc/1/comm")); got != want+"\nsystemd" {
			t.Errorf("host name and first process: %q, want %s and systemd", got, want)
		}
	}
	a.Run("ping -c 1 -W 2 192.0.2.11")

	a.Write("/etc/systemd/system/mark.service", 0o644, "[Service]\nType=oneshot\nProtectSystem=strict\nPrivateTmp=yes\nStateDirectory=mark\nDynamicUser=yes\nExecStart=touch /var/lib/mark/there\n")
	a.Run("systemctl daemon-reload; systemctl start mark")
	if _, err := os.Stat(a.Path("/var/lib/private/mark/there")); err != nil {
		t.Errorf("what a service wrote is not seen from outside: %v", err)
	}
	for _, name := range []string{filepath.Join(root, "etc/systemd/system/mark.service"), b.Path("/etc/systemd/system/mark.service")} {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s: one machine's file is there too", name)
		}
	}

	// Settings of the host's kernel are out of reach, the network's own are not.
	a.Run("sysctl -q -w net.ipv4.ip_forward=1")
	if out, err := a.Try("echo 1 >/proc/sys/kernel/panic"); err == nil {
		t.Errorf("a setting of the kernel could be written: %s", out)
	}
	if out, err := a.Try("exit 3"); err == nil {
		t.Errorf("a failing command is no error: %s", out)
	}

	a.Run("ip address add 192.0.2.99/24 dev eth0")
	if has, err := a.Host.Has(netip.MustParseAddr("192.0.2.99")); !has {
		t.Errorf("the machine's network is not the host's: %v", err)
	}
}

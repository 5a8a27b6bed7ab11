// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// capture is a tcpdump on the switch's port of a host.
type capture struct {
	process *lab.Process
	file    string
	host    *lab.Host
}

// startCapture records all VRRP packets that the host sends and gets.
func startCapture(t *testing.T, l *lab.Lab, h *lab.Host) *capture {
	t.Helper()
	c := &capture{file: filepath.Join(t.ArtifactDir(), "vrrp.pcap"), host: l.Switch()}
	c.process = labtest.Start(t, c.host, "tcpdump", "-i", h.Name, "-n", "-tt", "-l", "-U", "--print", "--immediate-mode", "-Z", "root", "-w", c.file,
		"ip proto 112 or ip6 proto 112")
	labtest.Eventually(t, 10*time.Second, "tcpdump listens", func() bool {
		return c.process.Ended() || c.process.Output.Count("listening on") > 0
	})
	if c.process.Ended() {
		t.Fatalf("tcpdump: %s", c.process.Output)
	}
	return c
}

// bad is what tshark must not find: a checksum that is not good, a malformed
// packet, or any warning.
const bad = "vrrp.checksum.status != 1 || _ws.malformed || _ws.expert.severity >= 0x600000"

// judge ends the capture and lets tshark judge the packets. Every source must
// have sent some: a busy tcpdump is waited for, since what it has not read when
// it is told to end is lost.
func (c *capture) judge(t *testing.T, w world, sources ...netip.Addr) {
	t.Helper()
	for _, s := range sources {
		labtest.Eventually(t, patience, "tcpdump sees "+s.String(), func() bool {
			return c.process.Output.Count(" "+s.String()+" > ") > 0
		})
	}
	labtest.OK(t, c.process.Signal(syscall.SIGINT))
	_ = c.process.Wait()
	form := "FALSE"
	if w.message {
		form = "TRUE"
	}
	tshark := func(args ...string) string {
		t.Helper()
		args = append([]string{"-n", "-r", c.file, "-o", "vrrp.v3_checksum_as_in_v2:" + form}, args...)
		cmd := c.host.Command("tshark", args...)
		cmd.Stderr = new(lab.Output) // it complains of being root
		p, err := c.host.Start(cmd)
		labtest.OK(t, err)
		if err := p.Wait(); err != nil {
			t.Fatalf("tshark: %v: %s", err, cmd.Stderr)
		}
		return p.Output.String()
	}
	if found := tshark("-Y", bad, "-V"); found != "" {
		t.Errorf("tshark finds fault with:\n%s", found)
	}
	// Each good packet's line is its source, which the link-local one stands for
	// in IPv6 multicast.
	good := tshark("-Y", "vrrp.checksum.status == 1", "-T", "fields", "-e", "ip.src", "-e", "ipv6.src")
	seen := make(map[string]int)
	for line := range strings.Lines(good) {
		seen[strings.TrimSpace(line)]++
	}
	for _, s := range sources {
		if seen[s.String()] == 0 {
			t.Errorf("no packet of %s; sources are %v", s, seen)
		}
	}
	t.Logf("good packets by source: %v", seen)
}

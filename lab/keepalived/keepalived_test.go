// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package keepalived_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/labtest"
)

func TestConfig(t *testing.T) {
	c := keepalived.Config{Instances: []keepalived.Instance{{
		Name: "web", VRID: 51, Version: 3, Priority: 150, Interval: 10 * time.Millisecond, NoPreempt: true,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")},
		Excluded:  []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")},
		Source:    netip.MustParseAddr("192.0.2.1"),
		Peers:     []netip.Addr{netip.MustParseAddr("192.0.2.2")},
		Password:  "secret",
	}}}
	want, err := os.ReadFile("testdata/web.conf")
	labtest.OK(t, err)
	if diff := cmp.Diff(string(want), c.String()); diff != "" {
		t.Error(diff)
	}
}

func TestConfigWithTracks(t *testing.T) {
	c := keepalived.Config{
		Scripts: []keepalived.Script{
			{Name: "web", Command: "/usr/bin/test -e /run/web", Interval: time.Second},
			{Name: "mail", Command: "/bin/true", Interval: 2 * time.Second, Timeout: 3 * time.Second, Rise: 4, Fall: 5, InitFail: true},
		},
		Files: []keepalived.File{{Name: "drain", Path: "/run/drain"}},
		Instances: []keepalived.Instance{{
			VRID: 51, Version: 3, Priority: 150, Interval: time.Second, PreemptDelay: 1500 * time.Millisecond,
			Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")},
			Scripts:   []keepalived.Track{{Name: "web", Weight: -60}, {Name: "mail", Reverse: true}},
			Files:     []keepalived.Track{{Name: "drain", Weight: 1, Reverse: true}},
		}},
	}
	want, err := os.ReadFile("testdata/tracks.conf")
	labtest.OK(t, err)
	if diff := cmp.Diff(string(want), c.String()); diff != "" {
		t.Error(diff)
	}
}

// TestTracks has keepalived obey every line that a Config with tracks has.
func TestTracks(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/keepalived"); err != nil {
		t.Skip("needs keepalived")
	}
	h := labtest.Host(t, labtest.New(t), "a", "192.0.2.1/24")
	dir := t.TempDir()
	flag, number, fault := filepath.Join(dir, "flag"), filepath.Join(dir, "number"), filepath.Join(dir, "fault")
	i := keepalived.Instance{
		VRID: 51, Version: 3, Priority: 100, Interval: 100 * time.Millisecond, PreemptDelay: time.Second,
		Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.100/24")},
		Scripts:   []keepalived.Track{{Name: "script", Weight: -30}},
		Files:     []keepalived.Track{{Name: "number", Weight: 2}, {Name: "fault"}},
	}
	a, err := keepalived.Start(h, t.TempDir(), keepalived.Config{
		Scripts: []keepalived.Script{{
			Name: "script", Command: "/usr/bin/test -e " + flag, Interval: time.Second, Timeout: time.Second, Rise: 1, Fall: 2, InitFail: true,
		}},
		Files:     []keepalived.File{{Name: "number", Path: number}, {Name: "fault", Path: fault}},
		Instances: []keepalived.Instance{i},
	})
	labtest.OK(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", a.Output)
		}
	})
	becomes := func(state string, priority int) {
		t.Helper()
		labtest.Eventually(t, 10*time.Second, fmt.Sprintf("%s with priority %d", state, priority), func() bool {
			return a.State(i) == state && a.Priority(i) == priority
		})
	}
	becomes("MASTER", 70)
	labtest.OK(t, os.WriteFile(flag, nil, 0o600))
	becomes("MASTER", 100)
	labtest.OK(t, os.WriteFile(number, []byte("5\n"), 0o600))
	becomes("MASTER", 110)
	labtest.OK(t, os.WriteFile(fault, []byte("1\n"), 0o600))
	becomes("FAULT", 110)
	labtest.OK(t, os.WriteFile(fault, []byte("0\n"), 0o600))
	becomes("MASTER", 110)
	for line := range strings.Lines(a.Output.String()) {
		if strings.Contains(line, "/keepalived.conf: Line") {
			t.Error(line)
		}
	}
}

func TestPair(t *testing.T) {
	if _, err := os.Stat("/usr/sbin/keepalived"); err != nil {
		t.Skip("needs keepalived")
	}
	l := labtest.New(t)
	vip := netip.MustParsePrefix("192.0.2.100/24")
	start := func(h *lab.Host, priority int) (*keepalived.Agent, keepalived.Instance) {
		i := keepalived.Instance{VRID: 51, Version: 3, Priority: priority, Interval: 100 * time.Millisecond, Addresses: []netip.Prefix{vip}}
		a, err := keepalived.Start(h, t.TempDir(), keepalived.Config{Instances: []keepalived.Instance{i}})
		labtest.OK(t, err)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s:\n%s", h.Name, a.Output)
			}
		})
		return a, i
	}
	ha, hb := labtest.Host(t, l, "a", "192.0.2.1/24"), labtest.Host(t, l, "b", "192.0.2.2/24")
	a, ai := start(ha, 150)
	b, bi := start(hb, 100)
	labtest.Eventually(t, 10*time.Second, "a is master and b is not", func() bool {
		held, err := ha.Has(vip.Addr())
		return err == nil && held && a.State(ai) == "MASTER" && b.State(bi) == "BACKUP"
	})
	ai.Priority = 50
	labtest.OK(t, a.Reload(keepalived.Config{Instances: []keepalived.Instance{ai}}))
	labtest.Eventually(t, 10*time.Second, "b is master after a's reload", func() bool {
		return b.State(bi) == "MASTER" && a.State(ai) == "BACKUP"
	})
	if b.Entered("MASTER") == 0 {
		t.Error("no transition counted")
	}
	if n := b.Usage().Processes; n < 2 {
		t.Errorf("%d processes", n)
	}
	labtest.OK(t, b.Stop(10*time.Second))
	labtest.Eventually(t, 10*time.Second, "a is master after b's end", func() bool { return a.State(ai) == "MASTER" })
	for line := range strings.Lines(a.Output.String()) {
		if strings.Contains(line, "Unknown keyword") {
			t.Error(line)
		}
	}
}

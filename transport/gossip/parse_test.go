// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestResolvesLater wants a peer found whose name is not in the DNS at first.
func TestResolvesLater(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	_, port, _ := net.SplitHostPort(b.address())
	var asked atomic.Int32
	a.lookup = func(_ context.Context, _, host string) ([]netip.Addr, error) {
		if asked.Add(1) < 3 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{loopback}, nil
	}
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{"lb-2.example:" + port}}}))
	labtest.OK(t, b.SetPeers([]Peer{{"lb-1", nil}})) // knows the name alone
	a.run(t)
	b.run(t)
	labtest.Eventually(t, patience, "joined", func() bool { return a.member("lb-2").Name != "" })
	if asked.Load() < 3 {
		t.Errorf("asked %d times", asked.Load())
	}
	wantMessages(t, "found", a, b)
}

func TestParseLine(t *testing.T) {
	tests := []struct {
		in      string
		level   slog.Level
		text    string
		class   string
		from    string
		refused refusal
	}{
		{"2026/01/02 15:04:05 [DEBUG] memberlist: Stream connection from=127.0.0.1:5\n", slog.LevelDebug, "Stream connection from=127.0.0.1:5", "Stream connection from", "127.0.0.1:5", notRefused},
		{"2026/01/02 15:04:05 [INFO] memberlist: Suspect lb-2 has failed\n", slog.LevelInfo, "Suspect lb-2 has failed", "Suspect lb-", "", notRefused},
		{"[WARN] memberlist: Refuting a suspect message (from: lb-2)", slog.LevelInfo, "Refuting a suspect message (from: lb-2)", "Refuting a suspect message (from", "", notRefused},
		{"[WARN] memberlist: Refuting an alive message for 'lb-1' (192.0.2.10:7946) meta:([1 48 9] VS [1 47 9]), vsn:([1 5 2] VS [1 5 2])", slog.LevelInfo, "Refuting an alive message for 'lb-1' (192.0.2.10:7946)", "Refuting an alive message for ", "", notRefused},
		{"2026/01/02 15:04:05 [ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=[2001:db8::1]:7946", slog.LevelWarn, "Decrypt packet failed: no installed keys could decrypt the message from=[2001:db8::1]:7946", "Decrypt packet failed", "[2001:db8::1]:7946", wrongKey},
		{"[ERR] memberlist: discarding stream with unacceptable label \"\": from=192.0.2.1:7946", slog.LevelDebug, "discarding stream with unacceptable label \"\": from=192.0.2.1:7946", "discarding stream with unacceptable label ", "192.0.2.1:7946", notRefused},
		{"[ERR] memberlist: discarding packet with unacceptable label \"b\": from=192.0.2.1:7946", slog.LevelWarn, "discarding packet with unacceptable label \"b\": from=192.0.2.1:7946", "discarding packet with unacceptable label ", "192.0.2.1:7946", wrongCluster},
		{"[ERROR] memberlist: Failed to compress payload: x", slog.LevelWarn, "Failed to compress payload: x", "Failed to compress payload", "", notRefused},
		{"[ERR] Failed to shutdown transport: x", slog.LevelWarn, "Failed to shutdown transport: x", "Failed to shutdown transport", "", notRefused},
		{"2026/01/02 15:04:05 Err: Could not set the deadline: x", slog.LevelWarn, "Err: Could not set the deadline: x", "Err", "", notRefused},
		{"[WARN] memberlist: Was able to connect to lb-2 over TCP but UDP probes failed, network may be misconfigured", slog.LevelWarn, "Was able to connect to lb-2 over TCP but UDP probes failed, network may be misconfigured", "Was able to connect to lb-", "", notRefused},
		{"[ERR] memberlist: Conflicting address for lb-2. Mine: 192.0.2.1:1 Theirs: 192.0.2.2:1 Old state: 0", slog.LevelDebug, "Conflicting address for lb-2. Mine: 192.0.2.1:1 Theirs: 192.0.2.2:1 Old state: 0", "Conflicting address for lb-", "", notRefused},
		{"[ERR] memberlist: Failed fallback TCP ping: dial tcp 192.0.2.2:1: i/o timeout", slog.LevelDebug, "Failed fallback TCP ping: dial tcp 192.0.2.2:1: i/o timeout", "Failed fallback TCP ping", "", notRefused},
		{"[WHAT] memberlist: x", slog.LevelWarn, "[WHAT] memberlist: x", "[WHAT] memberlist", "", notRefused},
		{"x [ERR] y", slog.LevelWarn, "x [ERR] y", "x [ERR] y", "", notRefused},
		{"", slog.LevelWarn, "", "", "", notRefused},
	}
	for _, tt := range tests {
		want := line{level: tt.level, class: tt.class, text: tt.text, from: tt.from, refused: tt.refused}
		if got := parseLine(tt.in); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", tt.in, got, want)
		}
	}
}

// TestBridgeLimits wants what peers trigger written at a bounded rate.
func TestBridgeLimits(t *testing.T) {
	var out bytes.Buffer
	var refusals int
	b := newBridge(slog.New(slog.NewTextHandler(&out, nil)), func(refusal, string) { refusals++ })
	write := func(s string) { _, _ = b.Write([]byte(s)) }
	for range 100 {
		write("[ERR] memberlist: Failed to decode ping request: EOF from=192.0.2.1:5")
		write("[ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=192.0.2.1:5")
		write("[DEBUG] memberlist: hidden")
	}
	if n := strings.Count(out.String(), "\n"); n != 2 || refusals != 100 {
		t.Errorf("%d lines, %d refusals: %s", n, refusals, out.String())
	}
	for i := range 1000 {
		write("[ERR] memberlist: " + strings.Repeat("x", i%200) + ": y")
	}
	if n := len(b.limit.classes); n > maxClasses+1 {
		t.Errorf("%d classes are remembered", n)
	}
	l := limiter{period: time.Second}
	now := time.Now()
	for i, want := range []bool{true, false, false} {
		if _, ok := l.pass(now, "a"); ok != want {
			t.Errorf("pass %d: %v", i, ok)
		}
	}
	if more, ok := l.pass(now.Add(time.Second), "a"); !ok || more != 2 {
		t.Errorf("after the period: %d held back, %v", more, ok)
	}
}

// TestPassing wants a line about what a partition leaves behind taken for a trouble
// only if it goes on.
func TestPassing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := newBridge(slog.New(slog.NewTextHandler(&out, nil)), func(refusal, string) {})
		said := func(node string) bool {
			out.Reset()
			_, _ = b.Write([]byte("[WARN] memberlist: Was able to connect to " + node + " over TCP but UDP probes failed, network may be misconfigured\n"))
			return out.Len() > 0
		}
		for range 3 { // partitions
			for range 8 {
				if said("lb-2") || said("lb-3") {
					t.Fatal("said at once")
				}
				time.Sleep(3 * time.Second)
			}
			time.Sleep(time.Minute)
		}
		for range 10 {
			if said("lb-2") {
				t.Fatal("said at once")
			}
			time.Sleep(3 * time.Second)
		}
		if said("lb-3") || !said("lb-2") {
			t.Error("what lasts is not said, or what does not is")
		}
		for i := range 2 * maxClasses {
			said(strings.Repeat("x", i))
		}
		if len(b.trying) > maxClasses {
			t.Errorf("%d lines are remembered", len(b.trying))
		}
	})
}

func TestConfigErrors(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no name":    func(c *Config) { c.Node = "" },
		"long name":  func(c *Config) { c.Node = strings.Repeat("n", maxName+1) },
		"no cluster": func(c *Config) { c.Cluster = "" },
		"no address": func(c *Config) { c.Bind = nil },
		"no key":     func(c *Config) { c.Keys = nil },
		"short key":  func(c *Config) { c.Keys = [][]byte{{1}} },
		"bad port":   func(c *Config) { c.Peers = []Peer{{"lb-2", []string{"a:b"}}} },
		"twice":      func(c *Config) { c.Peers = []Peer{{"lb-2", nil}, {"lb-2", nil}} },
	} {
		cfg := Config{Node: "lb-1", Cluster: "c", Bind: []netip.Addr{loopback}, Keys: [][]byte{key(1)}, Log: slog.New(slog.DiscardHandler)}
		change(&cfg)
		if l, err := New(cfg); err == nil {
			t.Errorf("%s: taken", name)
			l.Close()
		}
	}
}

func FuzzParseFrame(f *testing.F) {
	f.Add((&frame{kindDirect, Agent, 1, 2, 1, []byte("lb-1"), []byte("lb-2"), []byte("payload")}).append(nil))
	f.Add((&frame{kindState, 0, 1, 2, 0, []byte("lb-1"), nil, nil}).append(nil))
	f.Add((&frame{kindSealed, Lease, 1, 2, 2, []byte("lb-1"), []byte("lb-2"), []byte("payload")}).append(nil))
	f.Add((&frame{kindProve, 0, 1, 0, 1, []byte("lb-1"), []byte("lb-2"), make([]byte, 16)}).append(nil))
	f.Add((&frame{kindDirect, 200, 1, 2, 3, []byte("lb-1"), []byte("lb-2"), nil}).append(nil))
	f.Add([]byte("v\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFrame(b)
		if err == nil && !bytes.Equal(got.append(nil), b) {
			t.Errorf("%x is read as %+v", b, got)
		}
	})
}

func FuzzParseWho(f *testing.F) {
	f.Add(who{1, time.Second, netip.MustParseAddrPort("192.0.2.1:7946")}.bytes())
	f.Add(who{1, 0, netip.MustParseAddrPort("[2001:db8::1]:7946")}.bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseWho(b)
		if err == nil && !bytes.Equal(got.bytes(), b) {
			t.Errorf("%x is read as %+v", b, got)
		}
	})
}

func FuzzParseLine(f *testing.F) {
	f.Add("2026/01/02 15:04:05 [ERR] memberlist: Decrypt packet failed: no installed keys could decrypt the message from=192.0.2.1:7946")
	f.Add("[[DEBUG] ] from=")
	f.Fuzz(func(t *testing.T, s string) {
		if l := parseLine(s); len(l.text) > maxLogText || len(l.class) > len(l.text) {
			t.Errorf("%q: %+v", s, l)
		}
	})
}

func FuzzParseHostPort(f *testing.F) {
	for _, s := range []string{"192.0.2.1", "2001:db8::1", "[2001:db8::1]:1", "lb-2.example", "lb-2:7946", ":1", "a:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := parseHostPort(s, 1)
		if err == nil && (h.host == "" || h.port == 0) {
			t.Errorf("%q: %+v", s, h)
		}
	})
}

func FuzzParseMeta(f *testing.F) {
	f.Add((&delegate{start: 7}).NodeMeta(512))
	f.Fuzz(func(t *testing.T, b []byte) {
		if start, ok := parseMeta(b); ok && !bytes.HasPrefix(b, (&delegate{start: start}).NodeMeta(512)) {
			t.Errorf("%x: %d", b, start)
		}
	})
}

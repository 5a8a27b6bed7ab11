// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func prefixes(ps ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, p := range ps {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// quiet is a node on which all is well.
func quiet() status.Status {
	return status.Status{
		Version: "v1.2.3", Node: "lb-1", Cluster: "web", Digest: "f31d87181f067dbb",
		Now: noon, Started: noon.Add(-26 * time.Hour),
		Routers: []status.Router{
			{
				Name: "mail", State: "Backup", Reason: "an Active with a better priority", Since: noon.Add(-90 * time.Second),
				Interface: "eth0", Priority: 100, Base: 100, Addresses: prefixes("192.0.2.110/24"),
				Holder: "lb-2", HolderPriority: 150,
				Engines: []status.Engine{{Family: 4, State: "Backup"}},
			},
			{
				Name: "web", State: "Active", Held: true, Reason: "the Active is gone", Since: noon.Add(-5 * time.Hour), Term: 3,
				Interface: "eth0.100", Priority: 150, Base: 150, Addresses: prefixes("192.0.2.100/24", "2001:db8::100/64"),
				Exclude: prefixes("198.51.100.7/32"), Holder: "lb-1", HolderPriority: 150,
				Engines: []status.Engine{{Family: 4, State: "Active"}, {Family: 6, State: "Active"}},
			},
		},
		Links: []status.Link{{Interface: "eth0", Family: 4, Mode: "multicast", Up: true}},
	}
}

// troubled is a node on which everything is wrong.
func troubled() status.Status {
	st := quiet()
	st.Routers = []status.Router{
		{Name: "a", State: "Initialize", Reason: "eth0 is down", Since: noon, Interface: "eth0", Priority: 40, Base: 100, Restored: 1},
		{Name: "b", State: "Active", Since: noon, Reason: "no advert came", Holder: "lb-1"},
		{Name: "c", State: "Active", Since: noon, HeldError: "no space left"},
		{Name: "d", State: "Backup", Since: noon, Held: true},
		{
			Name: "e", State: "Backup", Since: noon, Held: true, HeldError: "interface is busy", Restored: 3,
			Engines: []status.Engine{
				{Family: 4, Dropped: map[string]uint64{"ttl": 1}},
				{Family: 6, Dropped: map[string]uint64{"checksum": 4, "ttl": 2, "vrid": 0}, Notices: map[string]uint64{"rival": 2, "addresses": 1}},
			},
		},
	}
	st.Links = []status.Link{
		{Interface: "eth0", Family: 4, Mode: "multicast"},
		{Interface: "eth1", Family: 6, Mode: "unicast", Error: "operation not permitted", SendFails: 2},
		{Interface: "eth2", Family: 4, Mode: "unicast", Up: true, Error: "network is unreachable", Dropped: map[string]uint64{"vrid": 4, "ttl": 5}},
	}
	st.Loop = status.Loop{Stalls: 2, LateMax: 1234567 * time.Microsecond}
	return st
}

func TestRenderStatus(t *testing.T) {
	none := quiet()
	none.Routers, none.Digest = nil, ""
	for name, st := range map[string]status.Status{"quiet": quiet(), "troubled": troubled(), "none": none} {
		golden(t, "render-"+name+".txt", renderStatus(st, false))
	}
	golden(t, "render-colour.txt", renderStatus(troubled(), true))
}

func TestAge(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Second:                     "0s",
		0:                                "0s",
		59999 * time.Millisecond:         "59s",
		time.Minute:                      "1m00s",
		61 * time.Second:                 "1m01s",
		time.Hour - 1:                    "59m59s",
		5*time.Hour + 4*time.Minute:      "5h04m",
		24 * time.Hour:                   "1d00h",
		100*24*time.Hour + 23*time.Hour:  "100d23h",
		24*time.Hour - time.Nanosecond:   "23h59m",
		1000 * time.Hour:                 "41d16h",
		time.Minute - time.Nanosecond:    "59s",
		12*time.Minute + 5*time.Second:   "12m05s",
		2*24*time.Hour + 30*time.Minute:  "2d00h",
		48*time.Hour + 90*time.Minute:    "2d01h",
		time.Hour:                        "1h00m",
		time.Hour + 59*time.Second:       "1h00m",
		10*time.Hour + 10*time.Minute:    "10h10m",
		9*time.Second + time.Millisecond: "9s",
	}
	for d, want := range tests {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	rows := [][]cell{heading("A", "LONG", "B"), {{"äöü", ""}, {"", ""}, {"x", red}}, {{"1", ""}, {"2", green}}}
	want := "A    LONG  B\näöü        x\n1    2\n"
	if got := table(false, rows); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	want = "\x1b[1mA\x1b[0m    \x1b[1mLONG\x1b[0m  \x1b[1mB\x1b[0m\näöü        \x1b[31mx\x1b[0m\n1    \x1b[32m2\x1b[0m\n"
	if got := table(true, rows); got != want {
		t.Errorf("in colour, got\n%q, want\n%q", got, want)
	}
}

func TestFrame(t *testing.T) {
	const text = "one\ntwo\nthree\n"
	tests := map[int]string{
		0: "\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\nthree\x1b[K\x1b[J",
		2: "\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J",
		9: "\x1b[Hone\x1b[K\r\ntwo\x1b[K\r\nthree\x1b[K\x1b[J",
	}
	for height, want := range tests {
		if got := frame(text, height); got != want {
			t.Errorf("frame of %d lines: got %q, want %q", height, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	tests := map[string]status.Status{
		"lb-1: 2 routers, 1 Active, 1 Backup":               quiet(),
		"lb-1: 5 routers, 2 Active, 2 Backup, 1 Initialize": troubled(),
		"lb-1: 0 routers": {Node: "lb-1"},
	}
	for want, st := range tests {
		if got := oneLine(st); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// weighed is a node whose checks move its routers.
func weighed() status.Status {
	st := quiet()
	mail, web := &st.Routers[0], &st.Routers[1]
	mail.Base, mail.Priority, mail.SyncGroup = 250, 254, "edge"
	mail.Tracks = []status.Track{{Check: "smtp", State: "passing", Weight: 20, Part: 20}, {Check: "uplink", State: "failing", Weight: 0, Blocks: true, Group: true}}
	mail.State, mail.Reason, mail.Holder = "Initialize", "check uplink fails", ""
	mail.Unproven = []string{"smtp", "uplink"}
	web.Base, web.Priority, web.SyncGroup = 150, 85, "edge"
	web.Tracks = []status.Track{
		{Check: "haproxy", State: "failing", Weight: -60, Part: -60},
		{Check: "smtp", State: "passing"},
		{Check: "spare", State: "undecided", Weight: 10},
		{Check: "drain", State: "failing", Reverse: true},
		{Check: "busy", State: "passing", Weight: 5, Reverse: true, Part: -5},
	}
	web.State, web.Held, web.DampedUntil, web.Moves = "Backup", false, noon.Add(101*time.Second), 5
	web.Holder, web.HolderPriority = "192.0.2.11", 100
	web.PreemptAt = noon.Add(30 * time.Second)
	owner := status.Router{
		Name: "own", State: "Active", Held: true, Since: noon, Base: 255, Priority: 255,
		Holder: "lb-1", HolderPriority: 255, DampedUntil: noon.Add(time.Hour), Unproven: []string{"a", "b", "c", "d"},
		Tracks: []status.Track{{Check: "haproxy", State: "failing", Weight: -60, Part: -60}},
	}
	st.Routers = append(st.Routers, owner)
	st.Checks = []status.Check{
		{Name: "busy", Kind: "file", Target: "/run/busy", State: "passing", Outcome: "pass", Since: noon.Add(-time.Minute), At: noon, Took: 5000, Row: 9, Need: 1},
		{
			Name: "drain", Kind: "file", Target: "/run/drain", State: "failing", Outcome: "fail", Cause: "file /run/drain: does not exist",
			Since: noon.Add(-time.Minute), At: noon, Took: 5000, Row: 9, Need: 1,
		},
		{
			Name: "haproxy", Kind: "http", Target: "http://127.0.0.1/healthz", State: "failing", Outcome: "timeout",
			Cause: "getting http://127.0.0.1/healthz: no answer within 500ms: " + strings.Repeat("and so on ", 30),
			Since: noon.Add(-90 * time.Second), At: noon, Took: 500 * time.Millisecond, Row: 91, Need: 2, Passed: 4, TimedOut: 91, Late: 90,
		},
		{
			Name: "smtp", Kind: "smtp", Target: "127.0.0.1:25", State: "passing", Outcome: "fail", Cause: "the banner is \x1b[31m\"554\ngo away\"",
			Since: noon.Add(-24 * time.Hour), At: noon, Took: time.Millisecond, Row: 1, Need: 3,
		},
		{Name: "spare", Kind: "exec", Target: "/usr/local/bin/check --with " + strings.Repeat("a", 60), State: "undecided"},
		{
			Name: "uplink", Kind: "icmp", Target: "192.0.2.1", State: "failing", Outcome: "pass", Since: noon.Add(-time.Second), At: noon,
			Took: 3141 * time.Microsecond, Row: 1, Need: 2,
		},
		{Name: "warm", Kind: "tcp", Target: "127.0.0.1:80", State: "passing", Outcome: "pass", Since: noon.Add(-time.Hour), At: noon, Took: 234567, Row: 9, Need: 3, Passed: 40, TimedOut: 2, Late: 5},
	}
	st.Hooks = []status.Hook{
		{Name: "/usr/local/bin/on-change", Ran: 9, Failed: 3, TimedOut: 1, Skipped: 1, Waiting: 2, Error: "ended with exit code 1: no such\tinstance", At: noon.Add(-12 * time.Second)},
		{Name: "http://127.0.0.1:9000/vip", Ran: 5, Failed: 1, Error: "connection refused", At: noon.Add(-time.Hour)},
	}
	return st
}

// leaving is a node whose machine is about to end. It keeps web, and mail was taken
// over from it.
func leaving() status.Status {
	st := quiet()
	ends := "check cloud-signals fails: the cloud has announced interruption (terminate) at 2026-11-23T12:02:00Z"
	for n := range st.Routers {
		r := &st.Routers[n]
		r.Base, r.Priority, r.Yields = 150, 1, ends
		r.Tracks = []status.Track{
			{Check: "cloud/" + r.Name, State: "passing", Weight: -253},
			{Check: "cloud-signals", State: "failing", Yield: true, Yields: true},
		}
	}
	mail, web := &st.Routers[0], &st.Routers[1]
	mail.State, mail.Held, mail.Holder, mail.HolderPriority, mail.Reason = "Backup", false, "lb-2", 100, "yields to lb-2: "+ends
	web.HolderPriority = 1
	web.Keeps = "no other node is ready to take it over: lb-2: its state is Initialize"
	st.Checks = []status.Check{{
		Name: "cloud-signals", Kind: "cloud_signals", Target: "the metadata service", State: "failing", Outcome: "fail",
		Cause: "the cloud has announced interruption (terminate) at 2026-11-23T12:02:00Z", Since: noon.Add(-5 * time.Second), At: noon, Took: 900, Row: 1, Need: 1,
	}}
	st.Signals = []status.Signal{{Kind: "terminate", At: noon.Add(2 * time.Minute)}}
	return st
}

// crowd is a node with a thousand checks, failing of which fail.
func crowd(failing int) status.Status {
	st := quiet()
	st.Routers = st.Routers[1:]
	r := &st.Routers[0]
	for i := range 1000 {
		c := status.Check{
			Name: fmt.Sprintf("c%03d", i), Kind: "tcp", Target: "192.0.2.9:80", State: "passing", Outcome: "pass",
			Since: noon.Add(-time.Hour), At: noon, Took: time.Millisecond, Row: 3600, Need: 3, Passed: 3600, Late: uint64(i % 2 * i),
		}
		t := status.Track{Check: c.Name, State: "passing", Weight: -1}
		switch {
		case i%2 == 0 && i/2 < failing:
			c.State, c.Outcome, c.Cause, c.Row, t.State, t.Part = "failing", "fail", "connection refused", 4, "failing", -1
			r.Priority = max(r.Priority-1, 1)
		case i == 999:
			c.State, c.Outcome, c.Since, t.State = "undecided", "", time.Time{}, "undecided"
		}
		st.Checks = append(st.Checks, c)
		r.Tracks = append(r.Tracks, t)
	}
	return st
}

func TestRenderHealth(t *testing.T) {
	golden(t, "render-weighed.txt", renderStatus(weighed(), false))
	golden(t, "render-weighed-colour.txt", renderStatus(weighed(), true))
	golden(t, "render-leaving.txt", renderStatus(leaving(), false))
	golden(t, "render-crowd-3.txt", renderStatus(crowd(3), false))
	golden(t, "render-crowd-300.txt", renderStatus(crowd(300), false))
	all := crowd(0)
	all.Checks = all.Checks[:999]
	golden(t, "render-crowd-0.txt", renderStatus(all, false))
}

// A rival is shown while it is one, and not once it has given way.
func TestRivalled(t *testing.T) {
	const interval = 2 * time.Second
	took := noon.Add(-time.Hour)
	tests := map[string]struct {
		state string
		since time.Time // when this node's state began
		at    time.Time
		want  bool
	}{
		"none":                        {"Active", took, time.Time{}, false},
		"stays":                       {"Active", took, noon.Add(-interval), true},
		"stays, one advert lost":      {"Active", took, noon.Add(-2*interval - 1), true},
		"is gone":                     {"Active", took, noon.Add(-3 * interval), false},
		"since this node took over":   {"Active", noon.Add(-interval), noon, true},
		"gave way at the take-over":   {"Active", noon.Add(-interval), noon.Add(-interval + time.Millisecond), false},
		"this node gave way":          {"Backup", took, noon, false},
		"this node is out by a fault": {"Initialize", took, noon, false},
	}
	for name, tt := range tests {
		r := status.Router{Name: "web", State: tt.state, Since: tt.since, Interval: interval}
		if got := rivalled(noon, r, status.Engine{State: tt.state, RivalAt: tt.at}); got != tt.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
	fast := status.Router{State: "Active", Since: took, Interval: 10 * time.Millisecond}
	if !rivalled(noon, fast, status.Engine{State: "Active", RivalAt: noon.Add(-999 * time.Millisecond)}) {
		t.Error("a rival whose interval is longer is not shown")
	}
}

// What is counted has words for people.
func TestWords(t *testing.T) {
	for d := range wire.Drops {
		if got := dropped(d.String()); strings.HasPrefix(got, "for ") {
			t.Errorf("no words for dropped packets: %s", d)
		}
	}
	for k := range vrrp.Notices {
		if got := noticed(k.String()); strings.HasPrefix(got, "for ") {
			t.Errorf("no words for odd adverts: %s", k)
		}
	}
	if got, want := dropped("new"), "for new"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClip(t *testing.T) {
	tests := []struct {
		s    string
		n    int
		want string
	}{
		{"", 5, ""},
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"äöüäöü", 3, "äö…"},
		{" a\n\tb\r\n", 5, "a b"},
		{"a\x1b[31mb\x00\u009bc", 9, "a [31mb c"},
		{"\xff\u202e", 5, "\ufffd"},
	}
	for _, tt := range tests {
		if got := clip(tt.s, tt.n); got != tt.want {
			t.Errorf("clip(%q, %d) = %q, want %q", tt.s, tt.n, got, tt.want)
		}
	}
}

func TestTook(t *testing.T) {
	tests := map[time.Duration]string{
		0: "0s", 12: "12ns", 1234: "1.2µs", 345678: "345.7µs", 3141592: "3.1ms", 500 * time.Millisecond: "500ms", 1234 * time.Millisecond: "1.2s",
		-time.Second: "-1s",
	}
	for d, want := range tests {
		if got := took(d); got != want {
			t.Errorf("took(%d) = %s, want %s", d, got, want)
		}
	}
}

// A status is long where it must be and nowhere else.
func TestRenderManyAddresses(t *testing.T) {
	r := status.Router{Name: "web", Addresses: prefixes("192.0.2.1/24")}
	for i := range 2000 {
		r.Exclude = append(r.Exclude, netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/32", i%256)))
	}
	if got, want := addresses(r), "192.0.2.1/24, 198.51.100.0/32 +1999"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

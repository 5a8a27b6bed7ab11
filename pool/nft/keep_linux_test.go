// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// held are connections that last.
type held struct {
	r     *rig
	conns []net.Conn
	of    []netip.AddrPort
}

// hold opens n connections.
func (r *rig) hold(n int, network string, to netip.AddrPort) *held {
	r.t.Helper()
	h := &held{r: r}
	for range n {
		c, err := r.dial(r.client, network, "", to)
		labtest.OK(r.t, err)
		r.t.Cleanup(func() { _ = c.Close() })
		a, err := ask(c)
		labtest.OK(r.t, err)
		h.conns, h.of = append(h.conns, c), append(h.of, a)
	}
	return h
}

// intact fails if a connection has ended or moved.
func (h *held) intact(after string) {
	h.r.t.Helper()
	for i, c := range h.conns {
		if a, err := ask(c); err != nil || a != h.of[i] {
			h.r.t.Errorf("after %s: a connection to %v: %v, %v", after, h.of[i], a, err)
		}
	}
}

func TestNoChangeBreaksConnections(t *testing.T) {
	for _, family := range []int{4, 6} {
		r := newRig(t)
		vip := netip.AddrPortFrom(vips[family], 80)
		r.set(web(family, pool.WRR, 1, 1, 1))
		h := r.hold(9, "tcp", vip)
		for _, step := range []struct {
			name string
			do   func()
		}{
			{"a server more", func() { r.set(web(family, pool.WRR, 1, 1, 1, 1)) }},
			{"other weights", func() { r.set(web(family, pool.WRR, 3, 2, 1, 1)) }},
			{"a drain", func() { r.set(web(family, pool.WRR, 0, 2, 1, 1)) }},
			{"a server less", func() { r.set(web(family, pool.WRR, -1, 2, 1, 1)) }},
			{"another scheduler", func() { r.set(web(family, pool.MH, 1, 1, 1)) }},
			{"persistence", func() {
				v := web(family, pool.MH, 1, 1, 1)
				v.Persistence.Timeout = time.Minute
				r.set(v)
			}},
			{"no server", func() { r.set(web(family, pool.WRR)) }},
			{"a restart", func() { r.plane = r.open(); r.set(web(family, pool.WRR, 1)) }},
			{"nft flush ruleset", func() { r.nft("flush", "ruleset") }},
			{"its repair", func() { r.set(web(family, pool.WRR, 1)) }},
			{"the removal", func() { labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{web(family, pool.WRR, 1)})) }},
		} {
			step.do()
			h.intact(step.name)
		}
	}
}

func TestUDP(t *testing.T) {
	for _, family := range []int{4, 6} {
		r := newRig(t)
		vip := netip.AddrPortFrom(vips[family], 80)
		udp := func(weights ...int) pool.Virtual {
			v := web(family, pool.RR, weights...)
			v.Frontends[0].Protocol = pool.UDP
			return v
		}
		r.set(udp(1, 1))
		h := r.hold(4, "udp", vip)
		r.set(udp(1, 0))
		h.intact("a drain")
		// Also a plane that has just started knows which server is gone.
		r.plane = r.open()
		r.set(udp(1))
		for i, c := range h.conns {
			a, err := ask(c)
			if want := netip.AddrPortFrom(server(family, 1), 8080); err != nil || a != want {
				t.Errorf("flow %d, of %v before, is %v's now: %v", i, h.of[i], a, err)
			}
		}
		// A flow that went past the service while it was not there is balanced again.
		r.nft("flush", "ruleset")
		labtest.OK(t, r.director.Do(func() error {
			u, err := net.ListenPacket("udp", vip.String())
			if err == nil {
				t.Cleanup(func() { _ = u.Close() })
				go answer(u)
			}
			return err
		}))
		past := r.hold(1, "udp", vip)
		if past.of[0] != vip {
			t.Fatalf("without rules the director does not answer itself: %v", past.of)
		}
		r.set(udp(1))
		if a, err := ask(past.conns[0]); err != nil || a == vip {
			t.Errorf("after the repair the flow is %v's: %v", a, err)
		}
		labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{udp(1)}))
		if a, err := ask(past.conns[0]); err != nil || a != vip {
			t.Errorf("after the removal the flow is %v's: %v", a, err)
		}
	}
}

func TestUDPByMark(t *testing.T) {
	r := newRig(t)
	v := web(4, pool.RR, 1, 1)
	v.Frontends = []pool.Frontend{{Mark: 7, Family: 4}}
	r.nft("add table ip other; add chain ip other pre { type filter hook prerouting priority mangle; }; add rule ip other pre udp dport 81 meta mark set 7")
	r.set(v)
	h := r.hold(4, "udp", netip.AddrPortFrom(vips[4], 81))
	v.Destinations = v.Destinations[:1]
	r.set(v)
	for i, c := range h.conns {
		a, err := ask(c)
		if want := netip.AddrPortFrom(server(4, 1), 8080); err != nil || a != want {
			t.Errorf("flow %d, of %v before, is %v's now: %v", i, h.of[i], a, err)
		}
	}
}

// A server that is gone from a service of a mark may be one of other services, whose flows
// stay with it.
func TestUDPByMarkSparesOthers(t *testing.T) {
	r := newRig(t)
	v, other, byMark := web(4, pool.RR, 1, 1), web(4, pool.RR, -1, 1), web(4, pool.RR, -1, 1)
	v.Frontends = []pool.Frontend{{Mark: 7, Family: 4}}
	other.Name, other.Frontends[0].Protocol = "other", pool.UDP
	byMark.Name, byMark.Frontends = "by-mark", []pool.Frontend{{Mark: 8, Family: 4}}
	r.nft("add table ip other; add chain ip other pre { type filter hook prerouting priority mangle; }; " +
		"add rule ip other pre udp dport 81 meta mark set 7; add rule ip other pre udp dport 82 meta mark set 8")
	r.set(v, other, byMark)
	ports := []uint16{80, 82}
	for _, port := range ports {
		r.hold(2, "udp", netip.AddrPortFrom(vips[4], port))
	}
	flows := func() (list []string) {
		labtest.OK(t, r.director.Do(func() error {
			all, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
			for _, f := range all {
				if f.Forward.Protocol == unix.IPPROTO_UDP && slices.Contains(ports, f.Forward.DstPort) {
					list = append(list, fmt.Sprintf("%d to %d", f.Forward.SrcPort, f.Forward.DstPort))
				}
			}
			return err
		}))
		slices.Sort(list)
		return list
	}
	before := flows()
	v.Destinations = v.Destinations[:1]
	r.set(v)
	if diff := cmp.Diff(before, flows()); diff != "" || len(before) != 4 {
		t.Errorf("others' flows (-before +after):\n%s", diff)
	}
}

func TestRead(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	tcp, udp := web(4, pool.RR, 1, 1, 0), web(4, pool.RR, 3, 4)
	udp.Name, udp.Frontends[0].Protocol = "dns", pool.UDP
	if got, err := r.plane.Read(ctx, []pool.Virtual{tcp}); err != nil || got != nil {
		t.Errorf("before anything is set: %v, %v", got, err)
	}
	r.set(tcp, udp)
	h := r.hold(4, "tcp", netip.AddrPortFrom(vips[4], 80))
	r.hold(2, "udp", netip.AddrPortFrom(vips[4], 80))
	labtest.OK(t, h.conns[0].Close())
	half := r.halfClosed()
	want := []pool.Reading{
		{Service: "web", Address: netip.AddrPortFrom(server(4, 1), 8080), Weight: 1, Active: 1},
		{Service: "web", Address: netip.AddrPortFrom(server(4, 2), 8080), Weight: 1, Active: 2},
		{Service: "web", Address: netip.AddrPortFrom(server(4, 3), 8080)},
		{Service: "dns", Address: netip.AddrPortFrom(server(4, 1), 8080), Weight: 3, Active: 1},
		{Service: "dns", Address: netip.AddrPortFrom(server(4, 2), 8080), Weight: 4, Active: 1},
		{Service: "half", Address: half.Destinations[0].Address, Weight: 1, Inactive: 1},
	}
	if h.of[0].Addr() != server(4, 1) {
		want[0], want[1] = want[1], want[0]
		want[0].Address, want[1].Address = want[1].Address, want[0].Address
	}
	labtest.Eventually(t, patience, "the closed connection is none", func() bool {
		got, err := r.open().Read(ctx, []pool.Virtual{tcp, udp, half})
		labtest.OK(t, err)
		return cmp.Equal(want, got, compare)
	})
}

// halfClosed sets a service with a connection that its client has closed and its server has not.
func (r *rig) halfClosed() pool.Virtual {
	r.t.Helper()
	at := netip.AddrPortFrom(server(4, 4), 9090)
	labtest.OK(r.t, r.servers.Do(func() error {
		l, err := net.Listen("tcp", at.String()) // and the kernel accepts
		if err == nil {
			r.t.Cleanup(func() { _ = l.Close() })
		}
		return err
	}))
	v := pool.Virtual{
		Name: "half", Scheduler: pool.RR, Frontends: []pool.Frontend{pool.Single(pool.TCP, netip.AddrPortFrom(vips[4], 90))},
		Destinations: []pool.Destination{{Address: at, Weight: 1}},
	}
	labtest.OK(r.t, r.plane.Set(context.Background(), []pool.Virtual{v}))
	c, err := r.dial(r.client, "tcp", "", netip.AddrPortFrom(vips[4], 90))
	labtest.OK(r.t, err)
	labtest.OK(r.t, c.Close())
	return v
}

// tamper is what others do, and what Drift is to say of it.
var tamper = []struct {
	name, command, what string
}{
	{"everything", "flush ruleset", "the table inet vicar is gone"},
	{"a hook", "flush chain inet vicar prerouting; delete chain inet vicar prerouting", "the chain prerouting is gone"},
	{"a hook's rule", "flush chain inet vicar output", "the rules of the chain output were changed"},
	{"the look-up", "flush chain inet vicar find", "the rules of the chain find were changed"},
	{"a rule before the look-up", "insert rule inet vicar find accept", "the rules of the chain find were changed"},
	{"a frontend", "delete element inet vicar services4 { 192.0.2.100 . tcp . 80 }", "192.0.2.100:80/tcp is missing"},
	{"a frontend's chain", "delete element inet vicar services4 { 192.0.2.100 . tcp . 80 }; add chain inet vicar theirs; " +
		"add element inet vicar services4 { 192.0.2.100 . tcp . 1-100 : goto theirs }", "192.0.2.100:80/tcp is missing"},
	{"a refusal", "add element inet vicar empty4 { 192.0.2.100 . tcp . 80 }", "there are frontends that it does not have"},
	{"another frontend", "add element inet vicar services4 { 192.0.2.101 . tcp . 80 : goto service-web-4 }", "there are frontends that it does not have"},
	{"the service's rules", "flush chain inet vicar service-web-4", "the rules of the chain service-web-4 are others"},
	{"a rule more", "insert rule inet vicar service-web-4 accept", "the rules of the chain service-web-4 are others"},
	{"a slot", "delete element inet vicar slots-web-4 { 0x1 }", "the elements of slots-web-4 are others"},
	{
		"a slot's server", "delete element inet vicar slots-web-4 { 0x1 }; add element inet vicar slots-web-4 { 0x1 : 198.51.100.99 . 80 }",
		"the elements of slots-web-4 are others",
	},
	{"a server", "delete element inet vicar servers-web-4 { 198.51.100.11 . 8080 }", "198.51.100.11:8080 is missing"},
	{
		"a weight", "delete element inet vicar servers-web-4 { 198.51.100.11 . 8080 }; add element inet vicar servers-web-4 { 198.51.100.11 . 8080 : 0x4 }",
		"198.51.100.11:8080 has weight 4, not 1",
	},
	{"a server more", "add element inet vicar servers-web-4 { 198.51.100.99 . 80 : 0x1 }", "198.51.100.99:80 is too many"},
	{"the service", "delete element inet vicar services4 { 192.0.2.100 . tcp . 80 }; flush chain inet vicar service-web-4; " +
		"delete chain inet vicar service-web-4; delete map inet vicar slots-web-4; delete map inet vicar servers-web-4", "the service is gone"},
	{"the table put to sleep", "add table inet vicar { flags dormant; }", "the table inet vicar is dormant"},
	{"a set of another kind", "flush chain inet vicar find; delete map inet vicar marks; add map inet vicar marks { type mark : verdict; }", "beyond repair: marks"},
	{"a service's set of another kind", "flush chain inet vicar service-web-4; delete map inet vicar slots-web-4; " +
		"add map inet vicar slots-web-4 { type mark : ipv4_addr; }", "the rules of the chain service-web-4 are others"},
}

func TestWhatOthersDo(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	v, other := web(4, pool.WRR, 1, 2), web(6, pool.RR, 1)
	other.Name = "other"
	all := []pool.Virtual{v, other}
	r.set(all...)
	for _, test := range tamper {
		r.nft(test.command)
		drift, err := r.plane.Drift(ctx, all)
		labtest.OK(t, err)
		if len(drift) == 0 || !strings.Contains(drift[0].What, test.what) || drift[0].Count < 1 {
			t.Errorf("%s: the drift is %+v, not %q", test.name, drift, test.what)
		}
		again, err := r.plane.Drift(ctx, all)
		labtest.OK(t, err)
		if !cmp.Equal(drift, again) {
			t.Errorf("%s: the drift is %+v, then %+v", test.name, drift, again)
		}
		r.set(all...)
		if diff := cmp.Diff(share(4, 1, 2), r.tally(3, "tcp", "", netip.AddrPortFrom(vips[4], 80)), compare); diff != "" {
			t.Errorf("%s, put right (-want +got):\n%s", test.name, diff)
		}
	}
}

// A frontend that moves from one service without servers to another is refused all the time.
func TestFrontendMovesWhileRefused(t *testing.T) {
	r := newRig(t)
	at := func(port uint16) pool.Frontend { return pool.Single(pool.TCP, netip.AddrPortFrom(vips[4], port)) }
	a, b := web(4, pool.WRR), web(4, pool.WRR)
	a.Name, b.Name = "a", "b"
	a.Frontends, b.Frontends = []pool.Frontend{at(80), at(81)}, []pool.Frontend{at(82)}
	for range 2 {
		r.set(a, b)
		a.Frontends, b.Frontends = []pool.Frontend{at(80)}, []pool.Frontend{at(81), at(82)}
		r.set(a, b)
		a, b = b, a // and back, the other one first
		a.Frontends, b.Frontends = []pool.Frontend{at(82)}, []pool.Frontend{at(80), at(81)}
		r.set(a, b)
		a, b = b, a
	}
}

func TestOthersTablesStay(t *testing.T) {
	r := newRig(t)
	r.nft("add table inet theirs; add chain inet theirs c; add rule inet theirs c counter; add set inet theirs s { type ipv4_addr; elements = { 192.0.2.7 }; }")
	before := r.nft("list", "table", "inet", "theirs")
	v := web(4, pool.WRR, 1, 2)
	v.Persistence.Timeout = time.Minute
	r.set(v)
	labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{v}))
	if diff := cmp.Diff(before, r.nft("list", "table", "inet", "theirs")); diff != "" {
		t.Errorf("theirs (-before +after):\n%s", diff)
	}
	if left := r.nft("list", "tables"); left != "table inet vicar-hold\ntable inet theirs\n" && left != "table inet theirs\ntable inet vicar-hold\n" {
		t.Errorf("Remove has left:\n%s", left)
	}
	// What is not there is no error.
	labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{v}))
	r.nft("flush", "ruleset")
	labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{v}))
	if got := r.nft("list", "tables"); strings.TrimSpace(got) != "table inet vicar-hold" {
		t.Errorf("Remove has made:\n%s", got)
	}
}

// The table goes with its last service, and comes with the next one; connections outlast both.
func TestTableGoesWithTheLast(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	vip := netip.AddrPortFrom(vips[4], 80)
	v, other := web(4, pool.WRR, 1, 2), web(6, pool.SH, 1, 2)
	other.Name, other.Persistence.Timeout = "other", time.Minute
	ours := func() bool { return strings.Contains(r.nft("list", "tables"), "table inet vicar\n") }
	r.set(v, other)
	h := r.hold(3, "tcp", vip)
	for range 3 {
		labtest.OK(t, r.plane.Remove(ctx, []pool.Virtual{other}))
		if !ours() {
			t.Fatal("the table is gone while there is a service")
		}
		r.settled(v)
		labtest.OK(t, r.plane.Remove(ctx, []pool.Virtual{v}))
		if ours() {
			t.Errorf("without services there is\n%s", r.nft("list", "ruleset"))
		}
		h.intact("the removal")
		r.set(v)
		if diff := cmp.Diff(share(4, 1, 2), r.tally(3, "tcp", "", vip), compare); diff != "" {
			t.Errorf("after the return (-want +got):\n%s", diff)
		}
		h.intact("the return")
		r.set(v, other)
	}
	// What an agent has left, also if nothing in it is as it should be, another one removes.
	for _, damage := range []string{"list tables", "flush chain inet vicar find; delete map inet vicar marks; add map inet vicar marks { type mark : verdict; }"} {
		r.set(v, other)
		r.nft(damage)
		labtest.OK(t, r.open().Remove(ctx, []pool.Virtual{v, other}))
		if ours() {
			t.Errorf("another plane leaves\n%s", r.nft("list", "ruleset"))
		}
	}
}

func TestShownByNFT(t *testing.T) {
	r := newRig(t)
	for _, family := range []int{4, 6} {
		for _, s := range []pool.Scheduler{pool.RR, pool.WRR, pool.SH, pool.MH, pool.DH, pool.FO} {
			for _, timeout := range []time.Duration{0, time.Minute} {
				v := web(family, s, 1, 2, 0)
				v.Persistence = pool.Persistence{Timeout: timeout, Prefix4: 24, Prefix6: 64}
				r.set(v)
				r.tally(1, "tcp", "", netip.AddrPortFrom(vips[family], 80))
				if out := r.nft("list", "ruleset"); !strings.Contains(out, ": 0x00000002") {
					t.Errorf("IPv%d, %s: nft does not show the weight 2:\n%s", family, s, out)
				}
			}
		}
	}
}

func TestNothingIsRewritten(t *testing.T) {
	r := newRig(t)
	ctx := context.Background()
	v, other := web(4, pool.WRR, 1, 2), web(6, pool.SH, 1, 2)
	other.Name, other.Persistence.Timeout = "other", time.Minute
	all := []pool.Virtual{v, other}
	r.set(all...)
	r.plane = r.open() // it has to look
	monitor := r.nft("-a", "list", "ruleset")
	r.set(all...)
	if diff := cmp.Diff(monitor, r.nft("-a", "list", "ruleset")); diff != "" {
		t.Errorf("Set again (-before +after):\n%s", diff)
	}
	// Another server at the same weight changes elements, and no rule: the count goes on.
	first, err := r.once("tcp", "", netip.AddrPortFrom(vips[4], 80))
	labtest.OK(t, err)
	v.Destinations = slices.Clone(v.Destinations)
	v.Destinations[0].Address = netip.AddrPortFrom(server(4, 3), 8080)
	labtest.OK(t, r.plane.Set(ctx, []pool.Virtual{v}))
	got := r.tally(2, "tcp", "", netip.AddrPortFrom(vips[4], 80))
	got[first]++
	sum := 0
	for _, n := range got {
		sum += n
	}
	if got[netip.AddrPortFrom(server(4, 2), 8080)] != 2 || sum != 3 {
		t.Errorf("of one round the second server, with weight 2, had not 2: %v", got)
	}
}

func TestOneBadServiceIsNotInTheWay(t *testing.T) {
	r := newRig(t)
	good, bad := web(4, pool.RR, 1), web(4, pool.RR, 1)
	bad.Name = "bad"
	bad.Frontends = []pool.Frontend{{Protocol: pool.TCP, First: vips[4], Last: vips[4], FirstPort: 90, LastPort: 85}}
	err := r.plane.Set(context.Background(), []pool.Virtual{bad, good})
	if err == nil || !strings.Contains(err.Error(), "service bad") {
		t.Errorf("the error is %v", err)
	}
	r.settled(good)
	r.tally(1, "tcp", "", netip.AddrPortFrom(vips[4], 80))
}

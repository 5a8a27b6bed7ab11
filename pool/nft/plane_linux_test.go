// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// compare lets cmp look at addresses.
var compare = cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })

// share is how many connections each server at port 8080 should have had.
func share(family int, counts ...int) map[netip.AddrPort]int {
	out := map[netip.AddrPort]int{}
	for i, n := range counts {
		if n > 0 {
			out[netip.AddrPortFrom(server(family, i+1), 8080)] = n
		}
	}
	return out
}

func TestCounting(t *testing.T) {
	r := newRig(t)
	for _, test := range []struct {
		name    string
		service pool.Virtual
		family  int
		want    map[netip.AddrPort]int
	}{
		{"rr", web(4, pool.RR, 5, 1, 1), 4, share(4, 12, 12, 12)},
		{"rr without a drained one", web(4, pool.RR, 1, 0, 1), 4, share(4, 18, 0, 18)},
		{"wrr", web(4, pool.WRR, 1, 2, 3), 4, share(4, 6, 12, 18)},
		{"wrr with large weights", web(4, pool.WRR, 100, 200, 300), 4, share(4, 6, 12, 18)},
		{"fo", web(4, pool.FO, 1, 3, 2), 4, share(4, 0, 36)},
		{"one", web(4, pool.WRR, 1), 4, share(4, 36)},
		{"rr of IPv6", web(6, pool.RR, 1, 1, 1), 6, share(6, 12, 12, 12)},
		{"wrr of IPv6", web(6, pool.WRR, 1, 2, 3), 6, share(6, 6, 12, 18)},
	} {
		r.set(test.service)
		if diff := cmp.Diff(test.want, r.tally(36, "tcp", "", netip.AddrPortFrom(vips[test.family], 80)), compare); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestBothFamiliesInOneService(t *testing.T) {
	r := newRig(t)
	v, six := web(4, pool.RR, 1, 1), web(6, pool.RR, 1, 1)
	v.Frontends = append(v.Frontends, six.Frontends...)
	v.Destinations = append(v.Destinations, six.Destinations...)
	r.set(v)
	for _, family := range []int{4, 6} {
		if diff := cmp.Diff(share(family, 2, 2), r.tally(4, "tcp", "", netip.AddrPortFrom(vips[family], 80)), compare); diff != "" {
			t.Errorf("IPv%d (-want +got):\n%s", family, diff)
		}
	}
}

func TestChangesFavourNobody(t *testing.T) {
	r := newRig(t)
	const n = 24
	got := map[netip.AddrPort]int{}
	for i := range n {
		// With each connection the weights are others, in the same proportions to each other but for the fourth server.
		v := web(4, pool.WRR, 1, 1, 1, i%2)
		r.set(v)
		a, err := r.once("tcp", "", netip.AddrPortFrom(vips[4], 80))
		labtest.OK(t, err)
		got[a]++
	}
	for i := 1; i <= 3; i++ {
		if a := netip.AddrPortFrom(server(4, i), 8080); got[a] > n/2 || got[a] == 0 {
			t.Errorf("%v had %d of %d connections: %v", a, got[a], n, got)
		}
	}
}

func TestHashing(t *testing.T) {
	r := newRig(t)
	vip := netip.AddrPortFrom(vips[4], 80)
	for _, s := range []pool.Scheduler{pool.SH, pool.MH} {
		v := web(4, s, 1, 1, 2)
		r.set(v)
		first := map[string]netip.AddrPort{}
		distinct := map[netip.AddrPort]bool{}
		for _, from := range sources {
			for range 3 {
				a, err := r.once("tcp", from, vip)
				labtest.OK(t, err)
				if was, ok := first[from]; ok && was != a {
					t.Errorf("%s: %s went to %v, then to %v", s, from, was, a)
				}
				first[from], distinct[a] = a, true
			}
		}
		if len(distinct) < 2 {
			t.Errorf("%s: all sources went to one server", s)
		}
		v.Port = true
		r.set(v)
		if got := r.tally(40, "tcp", sources[0], vip); len(got) < 2 {
			t.Errorf("%s by port: all went to one server: %v", s, got)
		}
	}
	r.set(web(4, pool.DH, 1, 1, 1))
	for _, from := range sources {
		if got := r.tally(2, "tcp", from, vip); len(got) != 1 {
			t.Errorf("dh: %v", got)
		}
	}
}

func TestRanges(t *testing.T) {
	r := newRig(t)
	addr := func(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
	v := web(4, pool.RR, 1, 1)
	v.Frontends = []pool.Frontend{{Protocol: pool.TCP, First: vips[4], Last: vips[4].Next(), FirstPort: 8000, LastPort: 8079}}
	r.set(v)
	for _, to := range []string{"192.0.2.100:8000", "192.0.2.101:8079"} {
		if diff := cmp.Diff(share(4, 1, 1), r.tally(2, "tcp", "", addr(to)), compare); diff != "" {
			t.Errorf("%s (-want +got):\n%s", to, diff)
		}
	}
	for _, to := range []string{"192.0.2.100:7999", "192.0.2.101:8080"} {
		if _, err := r.once("tcp", "", addr(to)); !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("%s is outside: %v", to, err)
		}
	}
	// All ports, and servers that get what the client wrote to.
	v.Frontends[0].FirstPort, v.Frontends[0].LastPort = 0, 0
	for i := range v.Destinations {
		v.Destinations[i].Address = netip.AddrPortFrom(v.Destinations[i].Address.Addr(), 0)
	}
	r.set(v)
	for _, port := range []uint16{80, 8001, 8080} {
		got := r.tally(2, "tcp", "", netip.AddrPortFrom(vips[4], port))
		want := map[netip.AddrPort]int{netip.AddrPortFrom(server(4, 1), port): 1, netip.AddrPortFrom(server(4, 2), port): 1}
		if diff := cmp.Diff(want, got, compare); diff != "" {
			t.Errorf("port %d (-want +got):\n%s", port, diff)
		}
	}
}

func TestMark(t *testing.T) {
	r := newRig(t)
	v := web(4, pool.RR, 1, 1)
	v.Frontends = []pool.Frontend{{Mark: 7, Family: 4}}
	r.nft("add table ip other; add chain ip other pre { type filter hook prerouting priority mangle; }; " +
		"add rule ip other pre tcp dport { 81, 82 } meta mark set 7")
	r.set(v)
	for _, port := range []uint16{81, 82} {
		if diff := cmp.Diff(share(4, 1, 1), r.tally(2, "tcp", "", netip.AddrPortFrom(vips[4], port)), compare); diff != "" {
			t.Errorf("port %d (-want +got):\n%s", port, diff)
		}
	}
	if _, err := r.once("tcp", "", netip.AddrPortFrom(vips[4], 83)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("without the mark: %v", err)
	}
	c, err := r.dial(r.client, "tcp", "", netip.AddrPortFrom(vips[4], 81))
	labtest.OK(t, err)
	defer c.Close()
	readings, err := r.plane.Read(context.Background(), []pool.Virtual{v})
	labtest.OK(t, err)
	if got := readings[0].Active + readings[1].Active; got != 1 {
		t.Errorf("%d connections are active by the mark, not 1: %+v", got, readings)
	}
	v.Destinations = nil
	r.set(v)
	if _, err := r.once("tcp", "", netip.AddrPortFrom(vips[4], 81)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("without servers: %v", err)
	}
}

func TestPersistence(t *testing.T) {
	r := newRig(t)
	for _, family := range []int{4, 6} {
		v := web(family, pool.RR, 1, 1, 1)
		v.Persistence.Timeout = time.Minute
		r.set(v)
		vip := netip.AddrPortFrom(vips[family], 80)
		from := map[int]string{4: sources[0], 6: "2001:db8:1::10"}[family]
		first, err := r.once("tcp", from, vip)
		labtest.OK(t, err)
		stays := func(what string) {
			t.Helper()
			if got := r.tally(5, "tcp", from, vip); got[first] != 5 {
				t.Errorf("IPv%d, %s: the client had %v and went to %v", family, what, first, got)
			}
		}
		stays("unchanged")
		at := slices.IndexFunc(v.Destinations, func(d pool.Destination) bool { return d.Address == first })
		v.Destinations[at].Weight = 5
		r.set(v)
		stays("with another weight")
		r.plane = r.open()
		r.set(v)
		stays("after a restart")
		v.Persistence.Timeout = 2 * time.Minute
		r.set(v)
		stays("with another time")
		v.Destinations[at].Weight = 0
		r.set(v)
		other, err := r.once("tcp", from, vip)
		labtest.OK(t, err)
		if other == first {
			t.Errorf("IPv%d: the client still goes to the drained %v", family, first)
		}
		first = other
		stays("after its first server was drained")
	}
}

func TestPersistenceOfNetworks(t *testing.T) {
	r := newRig(t)
	v := web(4, pool.RR, 1, 1, 1)
	v.Persistence = pool.Persistence{Timeout: time.Minute, Prefix4: 25, Prefix6: 64}
	r.set(v)
	got := map[netip.AddrPort]int{}
	for _, from := range sources {
		for a, n := range r.tally(2, "tcp", from, netip.AddrPortFrom(vips[4], 80)) {
			got[a] += n
		}
	}
	// .10 to .13 are one network, .140 and .141 another.
	if diff := cmp.Diff([]int{4, 8}, slices.Sorted(maps.Values(got))); diff != "" {
		t.Errorf("connections by server (-want +got):\n%s", diff)
	}
}

func TestNoServers(t *testing.T) {
	r := newRig(t)
	v := web(4, pool.RR)
	v.Frontends = append(v.Frontends, pool.Single(pool.UDP, netip.AddrPortFrom(vips[4], 80)))
	for _, weights := range [][]int{{}, {0, 0}} {
		v.Destinations = web(4, pool.RR, weights...).Destinations
		r.set(v)
		for _, network := range []string{"tcp", "udp"} {
			if _, err := r.once(network, "", netip.AddrPortFrom(vips[4], 80)); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("%s with servers %v: %v", network, weights, err)
			}
		}
	}
	v.Destinations = web(4, pool.RR, 1).Destinations
	r.set(v)
	for _, network := range []string{"tcp", "udp"} {
		r.tally(1, network, "", netip.AddrPortFrom(vips[4], 80))
	}
}

func TestLocalClients(t *testing.T) {
	r := newRig(t)
	r.set(web(4, pool.RR, 1, 1))
	got := map[netip.AddrPort]int{}
	for range 4 {
		c, err := r.dial(r.director, "tcp", "", netip.AddrPortFrom(vips[4], 80))
		labtest.OK(t, err)
		a, err := ask(c)
		labtest.OK(t, errors.Join(err, c.Close()))
		got[a]++
	}
	if diff := cmp.Diff(share(4, 2, 2), got, compare); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Services whose names differ behind what the kernel takes of a name are two.
func TestLongNames(t *testing.T) {
	r := newRig(t)
	var all []pool.Virtual
	for n, end := range []string{"a", "b"} {
		v := web(4, pool.RR, 1, 1)
		v.Name = strings.Repeat("x", 252) + end
		v.Frontends[0] = pool.Single(pool.TCP, netip.AddrPortFrom(vips[4], uint16(81+n)))
		v.Persistence.Timeout = time.Minute
		all = append(all, v)
	}
	r.set(all...)
	labtest.OK(t, r.plane.Remove(context.Background(), all[:1]))
	r.settled(all[1])
	if _, err := r.once("tcp", "", netip.AddrPortFrom(vips[4], 82)); err != nil {
		t.Error(err)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
)

// tracked counts the connections to an address in the director.
func (r *rig) tracked(to netip.Addr) (n int) {
	r.t.Helper()
	family := netlink.InetFamily(unix.AF_INET)
	if to.Is6() {
		family = unix.AF_INET6
	}
	labtest.OK(r.t, r.director.Do(func() error {
		all, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
		for _, f := range all {
			if a, _ := netip.AddrFromSlice(f.Forward.DstIP); a.Unmap() == to {
				n++
			}
		}
		return err
	}))
	return n
}

// A client whose packets still came to a director that had given the address away is served
// when that has it back.
func TestAttemptsMeanwhileAreBalanced(t *testing.T) {
	for _, family := range []int{4, 6} {
		r := newRig(t)
		v := web(family, pool.RR, 1)
		// An address that is elsewhere: at a host that says nothing.
		vip, via, elsewhere := netip.MustParseAddr("203.0.113.100"), netip.MustParseAddr("192.0.2.1"), server(4, 1)
		if family == 6 {
			vip, via, elsewhere = netip.MustParseAddr("2001:db8:3::100"), netip.MustParseAddr("2001:db8:1::1"), server(6, 1)
		}
		labtest.OK(t, r.client.Route(netip.PrefixFrom(vip, vip.BitLen()), via, netip.Addr{}))
		labtest.OK(t, r.director.Route(netip.PrefixFrom(vip, vip.BitLen()), elsewhere, netip.Addr{}))
		v.Frontends = []pool.Frontend{{Protocol: pool.TCP, First: vip, Last: vip, FirstPort: 80, LastPort: 81}}
		r.set(v)
		labtest.OK(t, r.plane.Remove(context.Background(), []pool.Virtual{v}))

		type dialed struct {
			net.Conn
			error
		}
		done := make(chan dialed, 1)
		go func() {
			d := net.Dialer{Timeout: 5 * patience}
			var c net.Conn
			err := r.client.Do(func() (err error) {
				c, err = d.Dial("tcp", netip.AddrPortFrom(vip, 80).String())
				return err
			})
			done <- dialed{c, err}
		}()
		labtest.Eventually(t, patience, "the attempt goes past", func() bool { return r.tracked(vip) == 1 })
		begun := time.Now()
		r.set(v)
		got := <-done
		if got.error != nil {
			t.Errorf("IPv%d: the client is not served for %v: %v", family, time.Since(begun), got.error)
			continue
		}
		t.Cleanup(func() { _ = got.Conn.Close() })
		if a, err := ask(got.Conn); err != nil || a != netip.AddrPortFrom(server(family, 1), 8080) {
			t.Errorf("IPv%d: the client is served by %v: %v", family, a, err)
		}
	}
}

// Connections to a server on the director itself outlive that a service is put before it.
func TestAnsweredBeforeGoesOn(t *testing.T) {
	r := newRig(t)
	vip := netip.AddrPortFrom(vips[4], 80)
	labtest.OK(t, r.director.Do(func() error {
		l, err := net.Listen("tcp", vip.String())
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
			go accept(l)
		}
		return err
	}))
	other := web(4, pool.RR, 1)
	other.Name, other.Frontends = "other", []pool.Frontend{pool.Single(pool.TCP, netip.AddrPortFrom(vips[4], 90))}
	r.set(other) // from now on connections are tracked
	h := r.hold(1, "tcp", vip)
	if h.of[0] != vip {
		t.Fatalf("served by %v", h.of[0])
	}
	r.set(web(4, pool.RR, 1), other)
	h.intact("a service at its address")
	if a, err := r.once("tcp", "", vip); err != nil || a == vip {
		t.Errorf("a new connection is served by %v: %v", a, err)
	}
}

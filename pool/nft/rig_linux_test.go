// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/pool/nft"
)

// patience is how long an answer may take, and longer than a packet repeated once.
const patience = 2 * time.Second

// rig is a client, a director and four servers, which answer with the address that
// was written to.
type rig struct {
	t        testing.TB
	client   *lab.Host
	director *lab.Host
	servers  *lab.Host
	plane    *nft.Plane
}

// The addresses of both families: the service's, and the servers' without the last digits.
var (
	vips    = map[int]netip.Addr{4: netip.MustParseAddr("192.0.2.100"), 6: netip.MustParseAddr("2001:db8:1::100")}
	sources = []string{"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.140", "192.0.2.141"}
)

// server is the n-th server's address.
func server(family, n int) netip.Addr {
	if family == 4 {
		return netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", 10+n))
	}
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:2::%d", 10+n))
}

// newRig makes the hosts, starts the servers and opens the plane.
func newRig(t testing.TB) *rig {
	l := labtest.New(t)
	r := &rig{t: t}
	var addrs []string
	for _, s := range sources {
		addrs = append(addrs, s+"/24")
	}
	r.client = labtest.Host(t, l, "client", append(addrs, "2001:db8:1::10/64")...)
	r.director = labtest.Host(t, l, "director", "192.0.2.1/24", "192.0.2.100/24", "192.0.2.101/24", "198.51.100.1/24",
		"2001:db8:1::1/64", "2001:db8:1::100/64", "2001:db8:2::1/64")
	addrs = nil
	for n := 1; n <= 4; n++ {
		addrs = append(addrs, server(4, n).String()+"/24", server(6, n).String()+"/64")
	}
	r.servers = labtest.Host(t, l, "servers", addrs...)
	labtest.OK(t, r.director.Forward())
	r.sysctl(r.director, "net/ipv6/conf/all/forwarding", "1")
	// All hosts are on one wire, and the director would tell the servers so.
	r.sysctl(r.servers, "net/ipv6/conf/all/accept_redirects", "0")
	r.sysctl(r.servers, "net/ipv6/conf/eth0/accept_redirects", "0")
	labtest.OK(t, r.servers.Route(netip.MustParsePrefix("192.0.2.0/24"), netip.MustParseAddr("198.51.100.1"), netip.Addr{}))
	labtest.OK(t, r.servers.Route(netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParseAddr("2001:db8:2::1"), netip.Addr{}))
	for n := 1; n <= 4; n++ {
		for _, family := range []int{4, 6} {
			for _, port := range []uint16{80, 8080, 8001} {
				r.serve(netip.AddrPortFrom(server(family, n), port))
			}
		}
	}
	r.plane = r.open()
	return r
}

// sysctl sets a sysctl of a host's namespace, or skips the test where that is not
// possible.
func (r *rig) sysctl(h *lab.Host, name, value string) {
	r.t.Helper()
	if err := h.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0o644) }); err != nil {
		r.t.Skipf("needs to set sysctls: %v", err)
	}
}

// open opens another plane in the director.
func (r *rig) open() *nft.Plane {
	r.t.Helper()
	var p *nft.Plane
	labtest.OK(r.t, r.director.Do(func() (err error) {
		p, err = nft.New()
		return err
	}))
	r.t.Cleanup(func() { labtest.OK(r.t, p.Close()) })
	return p
}

// serve answers at an address by TCP and UDP.
func (r *rig) serve(a netip.AddrPort) {
	r.t.Helper()
	labtest.OK(r.t, r.servers.Do(func() error {
		l, err := net.Listen("tcp", a.String())
		if err != nil {
			return err
		}
		u, err := net.ListenPacket("udp", a.String())
		if err != nil {
			return errors.Join(err, l.Close())
		}
		r.t.Cleanup(func() { _, _ = l.Close(), u.Close() })
		go accept(l)
		go answer(u)
		return nil
	}))
}

// accept answers each line of each connection.
func accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			var b [16]byte
			for {
				if _, err := c.Read(b[:]); err != nil {
					return
				}
				if _, err := io.WriteString(c, l.Addr().String()); err != nil {
					return
				}
			}
		}()
	}
}

// answer answers each packet.
func answer(u net.PacketConn) {
	var b [16]byte
	for {
		_, from, err := u.ReadFrom(b[:])
		if err != nil {
			return
		}
		_, _ = u.WriteTo([]byte(u.LocalAddr().String()), from)
	}
}

// dial connects from a host. From is the source, or empty.
func (r *rig) dial(h *lab.Host, network, from string, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if from != "" && network == "udp" {
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	} else if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	var c net.Conn
	err := h.Do(func() (err error) {
		c, err = d.Dial(network, to.String())
		return err
	})
	return c, err
}

// ask asks a connection who serves it.
func ask(c net.Conn) (netip.AddrPort, error) {
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, "?"); err != nil {
		return netip.AddrPort{}, err
	}
	var b [64]byte
	n, err := c.Read(b[:])
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(string(b[:n]))
}

// once is who serves a new connection.
func (r *rig) once(network, from string, to netip.AddrPort) (netip.AddrPort, error) {
	c, err := r.dial(r.client, network, from, to)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return ask(c)
}

// tally counts who serves n connections from a source.
func (r *rig) tally(n int, network, from string, to netip.AddrPort) map[netip.AddrPort]int {
	r.t.Helper()
	out := map[netip.AddrPort]int{}
	for range n {
		a, err := r.once(network, from, to)
		if err != nil {
			r.t.Fatalf("connecting to %v from %q by %s: %v", to, from, network, err)
		}
		out[a]++
	}
	return out
}

// set sets services.
func (r *rig) set(services ...pool.Virtual) {
	r.t.Helper()
	labtest.OK(r.t, r.plane.Set(context.Background(), services))
	r.settled(services...)
}

// settled fails if a plane that has seen nothing before finds anything amiss.
func (r *rig) settled(services ...pool.Virtual) {
	r.t.Helper()
	for what, p := range map[string]*nft.Plane{"the plane": r.plane, "another plane": r.open()} {
		drift, err := p.Drift(context.Background(), services)
		labtest.OK(r.t, err)
		if len(drift) > 0 {
			r.t.Errorf("%s finds %+v right after Set\n%s", what, drift, r.nft("list", "ruleset"))
		}
	}
}

// nft runs nft in the director and returns what it says.
func (r *rig) nft(args ...string) string {
	r.t.Helper()
	labtest.Need(r.t, "nft")
	var out []byte
	err := r.director.Do(func() (err error) {
		out, err = r.director.Command("nft", args...).CombinedOutput()
		return err
	})
	if err != nil {
		r.t.Fatalf("nft %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// web is a service at port 80 of a family with servers at port 8080, by weights.
func web(family int, s pool.Scheduler, weights ...int) pool.Virtual {
	v := pool.Virtual{
		Name: "web", Scheduler: s, Persistence: pool.Persistence{Prefix4: 32, Prefix6: 128},
		Frontends: []pool.Frontend{pool.Single(pool.TCP, netip.AddrPortFrom(vips[family], 80))},
	}
	for i, w := range weights {
		if w >= 0 {
			v.Destinations = append(v.Destinations, pool.Destination{Address: netip.AddrPortFrom(server(family, i+1), 8080), Weight: w})
		}
	}
	return v
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// eachSocket runs a test with the raw socket and with the ping socket.
func eachSocket(t *testing.T, test func(t *testing.T, f *field)) {
	for _, s := range []struct{ name, groups string }{
		{"raw", "1 0"},
		{"ping", "0 2147483647"},
	} {
		t.Run(s.name, func(t *testing.T) {
			f := newField(t)
			f.sysctl(f.node, "net/ipv4/ping_group_range", s.groups)
			labtest.OK(t, f.node.Do(func() error {
				e, err := openEcho(checks.Bind{}, addr(server4))
				if err != nil {
					return err
				}
				defer e.file.Close()
				if e.header != (s.name == "raw") {
					t.Errorf("with groups %s the socket is raw: %v", s.groups, e.header)
				}
				return nil
			}))
			test(t, f)
		})
	}
}

func TestICMP(t *testing.T) {
	eachSocket(t, func(t *testing.T, f *field) {
		f.table([]outcome{
			{name: "IPv4", kind: checks.ICMP{Host: server4, Size: 56}},
			{name: "IPv6", kind: checks.ICMP{Host: server6, Size: 56}},
			{name: "no payload", kind: checks.ICMP{Host: server4}},
			{name: "no payload IPv6", kind: checks.ICMP{Host: server6}},
			{name: "fragments", kind: checks.ICMP{Host: server4, Size: 8000}},
			{name: "fragments IPv6", kind: checks.ICMP{Host: server6, Size: 8000}},
			{name: "largest", kind: checks.ICMP{Host: server4, Size: maxEcho}},
			{name: "name", kind: checks.ICMP{Host: "localhost", Size: 8}},
			{name: "link-local", kind: checks.ICMP{Host: serverLocal + "%" + lab.Interface, Size: 8}},
			{name: "link-local by interface", kind: checks.ICMP{Host: serverLocal, Bind: checks.Bind{Interface: lab.Interface}, Size: 8}},
			{name: "itself", kind: checks.ICMP{Host: node4, Size: 8}},
			{name: "no route", kind: checks.ICMP{Host: "198.51.100.1"}, want: "pinging 198.51.100.1: network is unreachable", is: syscall.ENETUNREACH},
			{name: "nobody there", kind: checks.ICMP{Host: "192.0.2.99"}, timeout: short, want: "pinging 192.0.2.99: no answer in time", is: context.DeadlineExceeded},
		})
		f.swallow("icmp type echo-request")
		f.swallow("icmpv6 type echo-request")
		f.table([]outcome{
			{name: "blackholed IPv4", kind: checks.ICMP{Host: server4, Size: 56}, timeout: short, want: "pinging 192.0.2.10: no answer in time", is: context.DeadlineExceeded},
			{name: "blackholed IPv6", kind: checks.ICMP{Host: server6, Size: 56}, timeout: short, want: "pinging 2001:db8::10: no answer in time", is: context.DeadlineExceeded},
		})
	})
}

func TestICMPBind(t *testing.T) {
	eachSocket(t, func(t *testing.T, f *field) {
		visitors := &seen{}
		answer4, answer6 := f.responder(false, visitors), f.responder(true, visitors)
		answer4(asAsked)
		answer6(asAsked)
		f.bindings(func(b checks.Bind, host string) checks.Kind {
			return checks.ICMP{Bind: b, Host: host, Size: 16}
		}, visitors)
	})
}

// TestICMPUnreachable: what a router says is told, and who says it.
func TestICMPUnreachable(t *testing.T) {
	labtest.Need(t, "ip")
	eachSocket(t, func(t *testing.T, f *field) {
		f.sysctl(f.server, "net/ipv4/ip_forward", "1")
		f.sysctl(f.server, "net/ipv6/conf/all/forwarding", "1")
		for _, route := range []string{"198.51.100.0/24", "2001:db8:1::/64"} {
			f.run(f.server, "ip", "route", "add", "unreachable", route)
		}
		f.run(f.node, "ip", "route", "add", "198.51.100.0/24", "via", server4)
		f.run(f.node, "ip", "route", "add", "2001:db8:1::/64", "via", server6)
		f.table([]outcome{
			{name: "IPv4", kind: checks.ICMP{Host: "198.51.100.1"}, want: "pinging 198.51.100.1: no route to host, says 192.0.2.10", is: syscall.EHOSTUNREACH},
			{name: "IPv6", kind: checks.ICMP{Host: "2001:db8:1::1"}, want: "pinging 2001:db8:1::1: network is unreachable, says 2001:db8::10", is: syscall.ENETUNREACH},
		})
	})
}

// TestICMPForbidden: without any right both refusals are told.
func TestICMPForbidden(t *testing.T) {
	f := newField(t)
	f.sysctl(f.node, "net/ipv4/ping_group_range", "1 0")
	p := f.make(checks.ICMP{Host: server4})
	// The thread ends with Do, and with it what it has lost.
	err := f.node.Do(func() error {
		if err := dropCapabilities(); err != nil {
			return err
		}
		return p.Probe(t.Context())
	})
	want(t, err, "opening an ICMP socket: ping (net.ipv4.ping_group_range): permission denied; raw (CAP_NET_RAW): operation not permitted")
}

// dropCapabilities gives up all that the thread may do.
func dropCapabilities() error {
	var none [2]unix.CapUserData
	return unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
}

// reply is what a responder sends for a request; nil: nothing.
type reply func(request icmp.Echo) []icmp.Echo

func asAsked(e icmp.Echo) []icmp.Echo { return []icmp.Echo{e} }

// responder answers echo requests in the kernel's place, as the last call of
// answer says.
func (f *field) responder(v6 bool, visitors *seen) (answer func(reply)) {
	f.t.Helper()
	network, local, family := "ip4:icmp", "0.0.0.0", "ipv4"
	var request, response icmp.Type = ipv4.ICMPTypeEcho, ipv4.ICMPTypeEchoReply
	if v6 {
		network, local, family = "ip6:ipv6-icmp", "::", "ipv6"
		request, response = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	path := "net/ipv4/icmp_echo_ignore_all"
	if v6 {
		path = "net/ipv6/icmp/echo_ignore_all"
	}
	f.sysctl(f.server, path, "1")
	var c net.PacketConn
	labtest.OK(f.t, f.server.Do(func() (err error) {
		c, err = net.ListenPacket(network, local)
		return err
	}))
	var mu sync.Mutex
	var how reply
	var done sync.WaitGroup
	done.Go(func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			m, err := icmp.ParseMessage(request.Protocol(), b[:n])
			if err != nil || m.Type != request {
				continue
			}
			visitors.add(&net.TCPAddr{IP: from.(*net.IPAddr).IP})
			mu.Lock()
			list := how(*m.Body.(*icmp.Echo))
			mu.Unlock()
			for _, e := range list {
				out, err := (&icmp.Message{Type: response, Body: &e}).Marshal(nil)
				if err != nil {
					f.t.Errorf("%s: %v", family, err)
				}
				_, _ = c.WriteTo(out, from)
			}
		}
	})
	f.t.Cleanup(func() {
		c.Close()
		done.Wait()
	})
	return func(r reply) {
		mu.Lock()
		defer mu.Unlock()
		how = r
	}
}

// TestICMPWrongAnswers: what is not the reply is not taken for it.
func TestICMPWrongAnswers(t *testing.T) {
	change := func(f func(e *icmp.Echo)) reply {
		return func(e icmp.Echo) []icmp.Echo {
			e.Data = append([]byte(nil), e.Data...)
			f(&e)
			return []icmp.Echo{e}
		}
	}
	wrong := map[string]reply{
		"nothing":         func(icmp.Echo) []icmp.Echo { return nil },
		"payload":         change(func(e *icmp.Echo) { e.Data[0]++ }),
		"longer":          change(func(e *icmp.Echo) { e.Data = append(e.Data, 0) }),
		"shorter":         change(func(e *icmp.Echo) { e.Data = e.Data[1:] }),
		"sequence number": change(func(e *icmp.Echo) { e.Seq ^= 1 }),
		"identity":        change(func(e *icmp.Echo) { e.ID ^= 1 }),
	}
	eachSocket(t, func(t *testing.T, f *field) {
		for _, v6 := range []bool{false, true} {
			answer := f.responder(v6, &seen{})
			p := f.make(checks.ICMP{Host: map[bool]string{false: server4, true: server6}[v6], Size: 16})
			for name, r := range wrong {
				t.Run(fmt.Sprintf("IPv6 %v %s", v6, name), func(t *testing.T) {
					g := &field{t: t, node: f.node, server: f.server}
					answer(r)
					if err := g.look(p, short); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want a time-out", err)
					}
					// The right one behind it is found.
					answer(func(e icmp.Echo) []icmp.Echo { return append(r(e), e) })
					want(t, g.look(p, plenty), "")
				})
			}
		}
	})
}

// TestICMPSlow: a reply that comes after the look is nobody's.
func TestICMPSlow(t *testing.T) {
	eachSocket(t, func(t *testing.T, f *field) {
		answer := f.responder(false, &seen{})
		p := f.make(checks.ICMP{Host: server4, Size: 16})
		var late []icmp.Echo
		answer(func(e icmp.Echo) []icmp.Echo {
			late = append(late, e)
			return nil
		})
		want(t, f.look(p, short), "no answer in time")
		answer(func(icmp.Echo) []icmp.Echo { return late })
		want(t, f.look(p, short), "no answer in time")
		answer(asAsked)
		want(t, f.look(p, plenty), "")
	})
}

// TestICMPElsewhere: a reply from another address is not the target's.
func TestICMPElsewhere(t *testing.T) {
	eachSocket(t, func(t *testing.T, f *field) {
		f.responder(false, &seen{})(asAsked)
		labtest.OK(t, f.server.AddAddress(netip.MustParsePrefix("192.0.2.11/24")))
		p := f.make(checks.ICMP{Host: "192.0.2.11", Size: 16})
		// The raw responder's replies leave from the server's first address.
		want(t, f.look(p, short), "no answer in time")
		want(t, f.look(f.make(checks.ICMP{Host: server4, Size: 16}), plenty), "")
	})
}

// TestICMPOthersErrors: an error that another's packet to the same host has
// caused is not ours. The kernel gives a raw socket both.
func TestICMPOthersErrors(t *testing.T) {
	eachSocket(t, func(t *testing.T, f *field) {
		p := f.make(checks.ICMP{Host: server4, Size: 16})
		answer := f.responder(false, &seen{})
		answer(func(e icmp.Echo) []icmp.Echo {
			f.unreachable(e.ID^1, e.Seq)
			f.unreachable(e.ID, e.Seq^1)
			return []icmp.Echo{e}
		})
		want(t, f.look(p, plenty), "")
		answer(func(e icmp.Echo) []icmp.Echo {
			f.unreachable(e.ID, e.Seq)
			return nil
		})
		want(t, f.look(p, plenty), "pinging 192.0.2.10: no route to host, says 192.0.2.10")
	})
}

// unreachable sends the node an error about an echo request of its.
func (f *field) unreachable(id, seq int) {
	request, err := (&icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: seq}}).Marshal(nil)
	if err != nil {
		f.t.Error(err)
	}
	header, err := (&ipv4.Header{
		Version: 4, Len: ipv4.HeaderLen, TotalLen: ipv4.HeaderLen + len(request), TTL: 64, Protocol: 1,
		Src: net.ParseIP(node4), Dst: net.ParseIP(server4),
	}).Marshal()
	if err != nil {
		f.t.Error(err)
	}
	b, err := (&icmp.Message{
		Type: ipv4.ICMPTypeDestinationUnreachable, Code: 1, Body: &icmp.DstUnreach{Data: append(header, request...)},
	}).Marshal(nil)
	if err != nil {
		f.t.Error(err)
	}
	err = f.server.Do(func() error {
		c, err := net.Dial("ip4:icmp", node4)
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write(b)
		return err
	})
	if err != nil {
		f.t.Error(err)
	}
}

func BenchmarkICMP(b *testing.B) {
	p, err := New(checks.ICMP{Host: "127.0.0.1", Size: 56})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Probe(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkICMPSocket is what of BenchmarkICMP is the socket's.
func BenchmarkICMPSocket(b *testing.B) {
	for b.Loop() {
		s, err := openEcho(checks.Bind{}, addr("127.0.0.1"))
		if err != nil {
			b.Fatal(err)
		}
		s.file.Close()
	}
}

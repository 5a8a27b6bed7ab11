// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	a4, b4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	a6, b6 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	al, bl = netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2")
)

// host is a Conn and what arrives there.
type host struct {
	*Conn
	packets chan wire.Packet // copies
	errs    chan error
}

// open opens a Conn in the namespace and reads it until it is closed.
func (ns *netns) open(tb testing.TB, source netip.Addr, multicast bool, vrids ...uint8) *host {
	tb.Helper()
	h := &host{Conn: ns.openOnly(tb, source, multicast, vrids...), packets: make(chan wire.Packet, 4096), errs: make(chan error, 16)}
	var reader sync.WaitGroup
	reader.Go(func() {
		batch := make([]wire.Packet, 256)
		for {
			n, err := h.Receive(batch)
			for _, p := range batch[:n] {
				p.Data = append([]byte(nil), p.Data...)
				h.packets <- p
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				h.errs <- err
			}
		}
	})
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
		reader.Wait()
	})
	return h
}

// openOnly opens a Conn that nobody reads.
func (ns *netns) openOnly(tb testing.TB, source netip.Addr, multicast bool, vrids ...uint8) *Conn {
	tb.Helper()
	cfg := Config{Interface: lanName, Family: 4, Multicast: multicast, Source: source, VRIDs: vrids}
	if source.Is6() {
		cfg.Family = 6
	}
	var c *Conn
	ns.do(tb, func() (err error) {
		c, err = Open(cfg)
		return err
	})
	tb.Cleanup(func() { c.Close() })
	return c
}

// message is bytes that pass for a VRRP message of vrid.
func message(vrid uint8, rest ...byte) []byte {
	return append([]byte{0x31, vrid, 100, 1, 0, 100, 0, 0}, rest...)
}

func (h *host) send(tb testing.TB, dst netip.Addr, data []byte) {
	tb.Helper()
	if n, err := h.Send([]wire.Packet{{Dst: dst, Data: data}}); n != 1 || err != nil {
		tb.Fatalf("Send to %v: %d, %v", dst, n, err)
	}
}

// wantAge wants an age that the kernel's stamp has given, and takes it away: it
// is another one each time.
func wantAge(tb testing.TB, p *wire.Packet) {
	tb.Helper()
	if p.Age <= 0 || p.Age >= maxAge {
		tb.Errorf("age %v", p.Age)
	}
	p.Age = 0
}

// want waits for these packets, the next to arrive. What must not arrive is
// sent before what must.
func (h *host) want(tb testing.TB, packets ...wire.Packet) {
	tb.Helper()
	for _, w := range packets {
		select {
		case p := <-h.packets:
			wantAge(tb, &p)
			if diff := cmp.Diff(w, p, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				tb.Fatalf("packet (-want +got):\n%s", diff)
			}
		case err := <-h.errs:
			tb.Fatal(err)
		case <-time.After(patience):
			tb.Fatalf("waited %v for %+v", patience, w)
		}
	}
}

func TestExchange(t *testing.T) {
	for _, tt := range []struct {
		name      string
		a, b      netip.Addr
		multicast bool
		dst       func(to netip.Addr) netip.Addr
	}{
		{"multicast IPv4", a4, b4, true, func(netip.Addr) netip.Addr { return wire.Group4 }},
		{"multicast IPv6", al, bl, true, func(netip.Addr) netip.Addr { return wire.Group6 }},
		{"unicast IPv4", a4, b4, false, func(to netip.Addr) netip.Addr { return to }},
		{"unicast IPv6", a6, b6, false, func(to netip.Addr) netip.Addr { return to }},
		{"unicast IPv6 link-local", al, bl, false, func(to netip.Addr) netip.Addr { return to }},
		// For the agent to count.
		{"unicast on multicast sockets IPv4", a4, b4, true, func(to netip.Addr) netip.Addr { return to }},
		{"unicast on multicast sockets IPv6", al, bl, true, func(to netip.Addr) netip.Addr { return to }},
		{"multicast on unicast sockets IPv4", a4, b4, false, func(netip.Addr) netip.Addr { return wire.Group4 }},
		{"multicast on unicast sockets IPv6", al, bl, false, func(netip.Addr) netip.Addr { return wire.Group6 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLAN(t)
			a, b := l.a.open(t, tt.a, tt.multicast, 51), l.b.open(t, tt.b, tt.multicast, 51)
			a.send(t, tt.dst(tt.b), message(51, 1))
			a.send(t, tt.dst(tt.b), message(51, 1, 2))
			b.want(t,
				wire.Packet{Src: tt.a, Dst: tt.dst(tt.b), TTL: 255, Data: message(51, 1)},
				wire.Packet{Src: tt.a, Dst: tt.dst(tt.b), TTL: 255, Data: message(51, 1, 2)})
			b.send(t, tt.dst(tt.a), message(51, 3))
			a.want(t, wire.Packet{Src: tt.b, Dst: tt.dst(tt.a), TTL: 255, Data: message(51, 3)})
		})
	}
}

// The longest messages are longer than the MTU.
func TestLongest(t *testing.T) {
	l := newLAN(t)
	for _, tt := range []struct {
		a, b netip.Addr
		n    int
	}{{a4, b4, maxPacket4 - 60 - 8}, {a6, b6, maxPacket6 - 8}} {
		a, b := l.a.open(t, tt.a, false, 51), l.b.open(t, tt.b, false, 51)
		data := message(51, make([]byte, tt.n)...)
		a.send(t, tt.b, data)
		b.want(t, wire.Packet{Src: tt.a, Dst: tt.b, TTL: 255, Data: data})
	}
}

func TestFilterInKernel(t *testing.T) {
	for _, tt := range []struct {
		a, other, b netip.Addr // b's neighbour sends from a and from other
	}{
		{a4, netip.MustParseAddr("192.0.2.11"), b4},
		{a6, netip.MustParseAddr("2001:db8::11"), b6},
	} {
		t.Run(fmt.Sprint(tt.a), func(t *testing.T) {
			l := newLAN(t)
			a, other := l.a.open(t, tt.a, false), l.a.open(t, tt.other, false)
			b := l.b.open(t, tt.b, false, 1, 51, 255)
			a.send(t, tt.b, message(2))
			a.send(t, tt.b, message(0))
			a.send(t, tt.b, []byte{0x31}) // too short for a VRID
			a.send(t, tt.b, nil)
			other.send(t, tt.b, message(1)) // a stranger's passes
			a.send(t, tt.b, []byte{0x71, 51})
			a.send(t, tt.b, message(255))
			b.want(t,
				wire.Packet{Src: tt.other, Dst: tt.b, TTL: 255, Data: message(1)},
				wire.Packet{Src: tt.a, Dst: tt.b, TTL: 255, Data: []byte{0x71, 51}},
				wire.Packet{Src: tt.a, Dst: tt.b, TTL: 255, Data: message(255)})
			if err := b.SetVRIDs([]uint8{2}); err != nil {
				t.Fatal(err)
			}
			a.send(t, tt.b, message(1))
			a.send(t, tt.b, message(2))
			b.want(t, wire.Packet{Src: tt.a, Dst: tt.b, TTL: 255, Data: message(2)})
		})
	}
}

// The own packets don't come back. Those of another host with the same address
// arrive over IPv6; over IPv4 the kernel takes them for forged.
func TestOwnSource(t *testing.T) {
	for _, tt := range []struct{ own, other, group netip.Addr }{
		{a4, b4, wire.Group4},
		{al, bl, wire.Group6},
	} {
		t.Run(fmt.Sprint(tt.own), func(t *testing.T) {
			l := newLAN(t)
			l.b.ip(t, "addr add "+tt.own.String()+" dev "+lanName+nodad(tt.own))
			a, twin, other := l.a.open(t, tt.own, true, 51), l.b.open(t, tt.own, true, 51), l.b.open(t, tt.other, true, 51)
			a.send(t, tt.group, message(51, 1))
			twin.send(t, tt.group, message(51, 2))
			other.send(t, tt.group, message(51, 3))
			if tt.own.Is6() {
				a.want(t, wire.Packet{Src: tt.own, Dst: tt.group, TTL: 255, Data: message(51, 2)})
			}
			a.want(t, wire.Packet{Src: tt.other, Dst: tt.group, TTL: 255, Data: message(51, 3)})
		})
	}
}

func nodad(a netip.Addr) string {
	if a.Is6() {
		return " nodad"
	}
	return ""
}

// RFC 9568 section 5.1.1.3 is for the agent to judge.
func TestTTLIsReported(t *testing.T) {
	l := newLAN(t)
	for _, tt := range []struct {
		a, b    netip.Addr
		network string
		level   int
		option  int
	}{
		{a4, b4, "ip4:112", unix.IPPROTO_IP, unix.IP_TTL},
		{a6, b6, "ip6:112", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS},
	} {
		b := l.b.open(t, tt.b, false, 51)
		l.a.do(t, func() error {
			c, err := new(net.Dialer).DialContext(t.Context(), tt.network, tt.b.String())
			if err != nil {
				return err
			}
			defer c.Close()
			rc, err := c.(*net.IPConn).SyscallConn()
			if err != nil {
				return err
			}
			err = rc.Control(func(fd uintptr) {
				if err := unix.SetsockoptInt(int(fd), tt.level, tt.option, 7); err != nil {
					t.Error(err)
				}
			})
			if err != nil {
				return err
			}
			_, err = c.Write(message(51))
			return err
		})
		select {
		case p := <-b.packets:
			if p.TTL != 7 {
				t.Errorf("%s: TTL %d, want 7", tt.network, p.TTL)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing arrived", tt.network)
		}
	}
}

func TestBatchArrivesComplete(t *testing.T) {
	for _, tt := range []struct{ a, b, dst netip.Addr }{
		{a4, b4, wire.Group4},
		{al, bl, wire.Group6},
	} {
		t.Run(fmt.Sprint(tt.dst), func(t *testing.T) {
			l := newLAN(t)
			vrids := make([]uint8, 250)
			batch := make([]wire.Packet, len(vrids))
			var wants []wire.Packet
			for i := range vrids {
				vrids[i] = uint8(i + 1)
				batch[i] = wire.Packet{Src: tt.a, Dst: tt.dst, Data: message(vrids[i])}
			}
			for range 4 {
				for _, p := range batch {
					p.TTL = 255
					wants = append(wants, p)
				}
			}
			a, b := l.a.openOnly(t, tt.a, true), l.b.openOnly(t, tt.b, true, vrids...)
			// All of it waits in b's socket before the first is read.
			for range 4 {
				if n, err := a.Send(batch); n != len(batch) || err != nil {
					t.Fatal(n, err)
				}
			}
			var got []wire.Packet
			in := make([]wire.Packet, 100)
			for len(got) < len(wants) {
				n, err := b.Receive(in)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range in[:n] {
					p.Data = append([]byte(nil), p.Data...)
					wantAge(t, &p)
					got = append(got, p)
				}
			}
			if diff := cmp.Diff(wants, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

// One packet that can't leave keeps no other back.
func TestSendError(t *testing.T) {
	l := newLAN(t)
	for _, tt := range []struct {
		name string
		a, b netip.Addr
		bad  wire.Packet
		want error
	}{
		{"too long", a4, b4, wire.Packet{Dst: b4, Data: make([]byte, 1<<16)}, syscall.EMSGSIZE},
		{"no route", a6, b6, wire.Packet{Dst: netip.MustParseAddr("2001:db8:1::1"), Data: message(51)}, syscall.ENETUNREACH},
		{"other family", a4, b4, wire.Packet{Dst: b6, Data: message(51)}, syscall.EAFNOSUPPORT},
		{"no destination", a4, b4, wire.Packet{Data: message(51)}, syscall.EAFNOSUPPORT},
		{"other source", a4, b4, wire.Packet{Src: b4, Dst: b4, Data: message(51)}, syscall.EADDRNOTAVAIL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := l.a.open(t, tt.a, false), l.b.open(t, tt.b, false, 51)
			ok := wire.Packet{Dst: tt.b, Data: message(51)}
			for _, batch := range [][]wire.Packet{{tt.bad, ok, ok}, {ok, tt.bad, ok}, {ok, tt.bad, tt.bad, ok}, {ok, ok, tt.bad}} {
				n, err := a.Send(batch)
				if n != 2 || !errors.Is(err, tt.want) {
					t.Fatalf("Send: %d, %v; want 2, %v", n, err, tt.want)
				}
				want := wire.Packet{Src: tt.a, Dst: tt.b, TTL: 255, Data: message(51)}
				b.want(t, want, want)
			}
		})
	}
}

// The kernel keeps packets while it looks for a neighbour that isn't there.
func TestSendDoesNotWait(t *testing.T) {
	l := newLAN(t)
	a, b := l.a.openOnly(t, a4, false), l.b.open(t, b4, false, 51)
	err := a.raw.Control(func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	batch := []wire.Packet{{Dst: b4, Data: message(51)}}
	for range 600 {
		batch = append(batch, wire.Packet{Dst: netip.MustParseAddr("192.0.2.99"), Data: message(51)})
	}
	if n, err := a.Send(batch); n == 0 || n == len(batch) || !errors.Is(err, syscall.ENOBUFS) {
		t.Errorf("Send: %d of %d, %v; want some, ENOBUFS", n, len(batch), err)
	}
	b.want(t, wire.Packet{Src: a4, Dst: b4, TTL: 255, Data: message(51)})
}

// A VIP must not stand in for the primary address.
func TestSourceGone(t *testing.T) {
	for _, tt := range []struct {
		own, dst netip.Addr
		prefix   string
	}{
		{a4, wire.Group4, "192.0.2.1/24"},
		{al, wire.Group6, "fe80::1/64"},
		{a6, b6, "2001:db8::1/64"},
	} {
		t.Run(fmt.Sprint(tt.own), func(t *testing.T) {
			l := newLAN(t)
			a := l.a.openOnly(t, tt.own, !tt.dst.IsGlobalUnicast())
			l.a.ip(t, "addr del "+tt.prefix+" dev "+lanName)
			if n, err := a.Send([]wire.Packet{{Dst: tt.dst, Data: message(51)}}); n != 0 || err == nil {
				t.Errorf("Send without the source address: %d, %v", n, err)
			}
			l.a.ip(t, "addr add "+tt.prefix+" dev "+lanName+nodad(tt.own))
			if n, err := a.Send([]wire.Packet{{Dst: tt.dst, Data: message(51)}}); n != 1 || err != nil {
				t.Errorf("Send with the source address again: %d, %v", n, err)
			}
		})
	}
}

func TestInterfaceGone(t *testing.T) {
	for _, tt := range []struct {
		name string
		how  func(t *testing.T, l *lan, a *host)
	}{
		{"found by Receive", func(t *testing.T, l *lan, _ *host) { l.a.ip(t, "link del "+lanName) }},
		{"found by Send", func(t *testing.T, l *lan, a *host) {
			l.a.ip(t, "link del "+lanName)
			if _, err := a.Send([]wire.Packet{{Dst: wire.Group4, Data: message(51)}}); !errors.Is(err, syscall.ENODEV) {
				t.Errorf("Send: %v, want ENODEV", err)
			}
		}},
		{"replaced", func(t *testing.T, l *lan, _ *host) {
			l.a.ip(t, "link del "+lanName)
			l.plug(t)
		}},
		{"renamed", func(t *testing.T, l *lan, _ *host) {
			l.a.ip(t, "link set "+lanName+" down", "link set "+lanName+" name other")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLAN(t)
			a := l.a.open(t, a4, true, 51)
			tt.how(t, l, a)
			select {
			case err := <-a.errs:
				if !errors.Is(err, syscall.ENODEV) {
					t.Errorf("Receive: %v, want ENODEV", err)
				}
			case <-time.After(patience):
				t.Errorf("Receive noticed nothing in %v", patience)
			}
		})
	}
}

// An interface that was down is used again without another Open.
func TestInterfaceDownAndUp(t *testing.T) {
	l := newLAN(t)
	a, b := l.a.open(t, a4, true, 51), l.b.open(t, b4, true, 51)
	l.a.ip(t, "link set "+lanName+" down")
	if n, err := a.Send([]wire.Packet{{Dst: wire.Group4, Data: message(51)}}); n != 0 || err == nil {
		t.Errorf("Send on an interface that is down: %d, %v", n, err)
	}
	l.a.ip(t, "link set "+lanName+" up")
	for _, ns := range []*netns{l.a, l.b} {
		ns.await(t, "the interface to run", func() bool {
			ifi, err := net.InterfaceByName(lanName)
			return err == nil && ifi.Flags&net.FlagRunning != 0
		})
	}
	a.send(t, wire.Group4, message(51))
	b.want(t, wire.Packet{Src: a4, Dst: wire.Group4, TTL: 255, Data: message(51)})
	b.send(t, wire.Group4, message(51))
	a.want(t, wire.Packet{Src: b4, Dst: wire.Group4, TTL: 255, Data: message(51)})
}

func TestOpenErrors(t *testing.T) {
	ns := newNetns(t)
	for _, family := range []int{4, 6} {
		cfg := Config{Interface: "nowhere", Family: family, Multicast: true, Source: a4}
		if family == 6 {
			cfg.Source = al
		}
		ns.do(t, func() error {
			if _, err := Open(cfg); !errors.Is(err, syscall.ENODEV) {
				return fmt.Errorf("Open on no interface: %w, want ENODEV", err)
			}
			return nil
		})
	}
}

func TestCloseWakesReceive(t *testing.T) {
	l := newLAN(t)
	c := l.a.openOnly(t, a4, true, 51)
	started, done := make(chan struct{}), make(chan error)
	go func() {
		close(started)
		_, err := c.Receive(make([]wire.Packet, 1))
		done <- err
	}()
	<-started
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive: %v, want net.ErrClosed", err)
	}
	if _, err := c.Receive(make([]wire.Packet, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive after Close: %v, want net.ErrClosed", err)
	}
	if _, err := c.Send([]wire.Packet{{Dst: b4, Data: message(51)}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send after Close: %v, want net.ErrClosed", err)
	}
	if c.Pending() {
		t.Error("Pending after Close")
	}
	if err := c.SetVRIDs(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("SetVRIDs after Close: %v, want net.ErrClosed", err)
	}
}

func TestPending(t *testing.T) {
	for _, own := range [][2]netip.Addr{{a4, b4}, {a6, b6}} {
		l := newLAN(t)
		a, b := l.a.open(t, own[0], false), l.b.openOnly(t, own[1], false, 51)
		if b.Pending() {
			t.Error("Pending before anything was sent")
		}
		a.send(t, own[1], message(52)) // filtered
		a.send(t, own[1], message(51))
		a.send(t, own[1], message(51))
		if err := poll("Pending", b.Pending); err != nil {
			t.Fatal(err)
		}
		in := make([]wire.Packet, 1)
		for i := range 2 {
			if n, err := b.Receive(in); n != 1 || err != nil {
				t.Fatal(n, err)
			}
			if want := i == 0; b.Pending() != want {
				t.Errorf("Pending is %v after %d of 2 packets", !want, i+1)
			}
		}
		// It doesn't wait for a reader that waits.
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = b.Receive(in)
		}()
		if err := poll("no Pending", func() bool { return !b.Pending() }); err != nil {
			t.Fatal(err)
		}
		b.Close()
		<-done
	}
}

// The control bytes come from the kernel, but are bytes all the same.
func FuzzParseControl(f *testing.F) {
	info := (&ipv6.ControlMessage{Src: wire.Group6.AsSlice()}).Marshal()
	hops := (&ipv6.ControlMessage{HopLimit: 255}).Marshal()
	f.Add(append(info, hops...))
	f.Add(info)
	f.Add(hops[:len(hops)-4])
	f.Fuzz(func(t *testing.T, b []byte) {
		var p wire.Packet
		if parseControl(b, 0, &p) && !p.Dst.IsValid() {
			t.Fatalf("%+v", p)
		}
	})
}

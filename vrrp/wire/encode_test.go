// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

func TestAppendToErrors(t *testing.T) {
	pass := [8]byte{1}
	mapped := netip.AddrFrom16(src4.As16())
	good := wire.Advert{
		Version: wire.V3, VRID: 1, Priority: 100, Interval: time.Second, Addresses: addrs("192.0.2.100"),
	}
	for _, c := range []struct {
		name     string
		change   func(*wire.Advert)
		src, dst netip.Addr
		want     error
	}{
		{"RFC 9568 section 5.2.3: VRID 0", func(a *wire.Advert) { a.VRID = 0 }, src4, wire.Group4, wire.ErrVRID},
		{"RFC 9568 section 5.2.5: no address", func(a *wire.Advert) { a.Addresses = nil }, src4, wire.Group4, wire.ErrCount},
		{"RFC 9568 section 5.2.5: 256 addresses", func(a *wire.Advert) {
			a.Addresses = slices.Repeat(a.Addresses, 256)
		}, src4, wire.Group4, wire.ErrCount},
		{"RFC 9568 section 5.2.7: interval 0", interval(0), src4, wire.Group4, wire.ErrInterval},
		{"RFC 9568 section 5.2.7: negative", interval(-time.Second), src4, wire.Group4, wire.ErrInterval},
		{"RFC 9568 section 5.2.7: below a step", interval(9 * time.Millisecond), src4, wire.Group4, wire.ErrInterval},
		{"RFC 9568 section 5.2.7: between steps", interval(15 * time.Millisecond), src4, wire.Group4, wire.ErrInterval},
		{"RFC 9568 section 5.2.7: 4096 centiseconds", interval(4096 * wire.StepV3), src4, wire.Group4, wire.ErrInterval},
		{"RFC 9568 section 5.2.9: two families", func(a *wire.Advert) {
			a.Addresses = addrs("192.0.2.100", "2001:db8::100")
		}, src4, wire.Group4, wire.ErrFamily},
		{"RFC 9568 section 5.2.9: not the source's", func(*wire.Advert) {}, src6, wire.Group6, wire.ErrFamily},
		{"RFC 9568 section 5.2.9: no address", func(a *wire.Advert) { a.Addresses = make([]netip.Addr, 1) }, src4, wire.Group4, wire.ErrFamily},
		{"source and destination", func(*wire.Advert) {}, src4, wire.Group6, wire.ErrFamily},
		{"no source", func(*wire.Advert) {}, netip.Addr{}, wire.Group4, wire.ErrFamily},
		{"no destination", func(*wire.Advert) {}, src4, netip.Addr{}, wire.ErrFamily},
		{"IPv4-mapped source", func(*wire.Advert) {}, mapped, wire.Group4, wire.ErrFamily},
		{"version 1", func(a *wire.Advert) { a.Version = 1 }, src4, wire.Group4, wire.ErrVersion},
		{"version 3 with a password", func(a *wire.Advert) { a.Password = &pass }, src4, wire.Group4, wire.ErrPassword},
		{"RFC 3768 section 5.1: IPv6", func(a *wire.Advert) {
			a.Version, a.Addresses = wire.V2, addrs("2001:db8::1")
		}, src6, wire.Group6, wire.ErrVersion},
		{"RFC 3768 section 5.3.7: below a second", version2(900 * time.Millisecond), src4, wire.Group4, wire.ErrInterval},
		{"RFC 3768 section 5.3.7: between seconds", version2(1500 * time.Millisecond), src4, wire.Group4, wire.ErrInterval},
		{"RFC 3768 section 5.3.7: 256 seconds", version2(256 * time.Second), src4, wire.Group4, wire.ErrInterval},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := good
			c.change(&a)
			got, err := a.AppendTo([]byte("before"), c.src, c.dst, wire.ChecksumMessage)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if string(got) != "before" {
				t.Errorf("the buffer is %q after an error", got)
			}
		})
	}
}

func interval(d time.Duration) func(*wire.Advert) {
	return func(a *wire.Advert) { a.Interval = d }
}

func version2(d time.Duration) func(*wire.Advert) {
	return func(a *wire.Advert) { a.Version, a.Interval = wire.V2, d }
}

// 25,000 adverts a second are parsed on a busy host: nothing may be allocated.
func TestAllocs(t *testing.T) {
	for _, g := range goldens() {
		buf := make([]byte, 0, g.advert.Len())
		if n := testing.AllocsPerRun(100, func() {
			if _, err := g.advert.AppendTo(buf, g.src, g.dst, g.sum); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: AppendTo allocates %v times", g.name, n)
		}
		var a wire.Advert
		if n := testing.AllocsPerRun(100, func() {
			if _, err := a.Parse(g.message, g.src, g.dst); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: Parse allocates %v times", g.name, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := a.Parse(g.message[:9], g.src, g.dst); err == nil {
				t.Fatal("half a message was parsed")
			}
		}); n != 0 {
			t.Errorf("%s: a drop allocates %v times", g.name, n)
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	for _, g := range goldens() {
		b.Run(g.name, func(b *testing.B) {
			buf := make([]byte, 0, g.advert.Len())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := g.advert.AppendTo(buf, g.src, g.dst, g.sum); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, g := range goldens() {
		b.Run(g.name, func(b *testing.B) {
			var a wire.Advert
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Parse(g.message, g.src, g.dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

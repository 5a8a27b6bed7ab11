// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// golden is a message and what it says.
type golden struct {
	name     string
	src, dst netip.Addr
	sum      wire.Checksum
	advert   wire.Advert
	message  []byte
}

var (
	src4 = netip.MustParseAddr("192.0.2.10")
	src6 = netip.MustParseAddr("fe80::54e1:2cff:fe64:a024")
)

// goldens are messages that this package did not make. Those marked "keepalived"
// were captured from keepalived 2.2.7, and tshark 4.0 calls their checksums
// good; the checksums of the others were computed apart from this code.
func goldens() []golden {
	pass := [8]byte{'s', 'e', 'c', 'r', 'e', 't'}
	return []golden{
		{
			name: "RFC 9568 section 5.2.8, IPv4: the message alone",
			src:  src4, dst: wire.Group4, sum: wire.ChecksumMessage,
			advert: wire.Advert{
				Version: wire.V3, VRID: 51, Priority: 200, Interval: 100 * time.Millisecond,
				Addresses: addrs("192.0.2.100", "192.0.2.101"),
			},
			message: unhex(
				"31",   // version 3, type 1
				"33",   // VRID 51
				"c8",   // priority 200
				"02",   // two addresses
				"000a", // reserved 0, 10 centiseconds
				"81f5", // checksum
				"c0000264 c0000265",
			),
		},
		{
			name: "IPv4 with a pseudo-header (keepalived)",
			src:  src4, dst: wire.Group4, sum: wire.ChecksumPseudo,
			advert: wire.Advert{
				Version: wire.V3, VRID: 51, Priority: 200, Interval: 100 * time.Millisecond,
				Addresses: addrs("192.0.2.100", "192.0.2.101"),
			},
			message: unhex("31 33 c8 02 000a df57 c0000264 c0000265"),
		},
		{
			name: "IPv4 with a pseudo-header, unicast (keepalived)",
			src:  src4, dst: netip.MustParseAddr("192.0.2.11"), sum: wire.ChecksumPseudo,
			advert: wire.Advert{
				Version: wire.V3, VRID: 56, Priority: wire.PriorityOwner, Interval: wire.StepV3,
				Addresses: addrs("192.0.2.100"),
			},
			message: unhex("31 38 ff 01 0001 88cd c0000264"),
		},
		{
			name: "RFC 9568 section 5.2.7, the longest interval (keepalived)",
			src:  src4, dst: wire.Group4, sum: wire.ChecksumPseudo,
			advert: wire.Advert{
				Version: wire.V3, VRID: 51, Priority: wire.PriorityOwner, Interval: 40950 * time.Millisecond,
				Addresses: addrs("192.0.2.100", "192.0.2.101"),
			},
			message: unhex("31 33 ff 02 0fff 9862 c0000264 c0000265"),
		},
		{
			name: "RFC 9568 section 5.2.8, IPv6: with a pseudo-header (keepalived)",
			src:  src6, dst: wire.Group6,
			advert: wire.Advert{
				Version: wire.V3, VRID: 52, Priority: 200, Interval: time.Second,
				Addresses: addrs("fe80::5e00:52", "2001:db8::100"),
			},
			message: unhex("31 34 c8 02 0064 5c40",
				"fe80 0000 0000 0000 0000 0000 5e00 0052",
				"2001 0db8 0000 0000 0000 0000 0000 0100"),
		},
		{
			name: "RFC 9568 section 5.2.4, priority 0, IPv6 (keepalived)",
			src:  src6, dst: wire.Group6,
			advert: wire.Advert{
				Version: wire.V3, VRID: 52, Priority: wire.PriorityStop, Interval: time.Second,
				Addresses: addrs("fe80::5e00:52", "2001:db8::100"),
			},
			message: unhex("31 34 00 02 0064 2441",
				"fe80 0000 0000 0000 0000 0000 5e00 0052",
				"2001 0db8 0000 0000 0000 0000 0000 0100"),
		},
		{
			name: "RFC 3768 section 5.1, no authentication (keepalived)",
			src:  src4, dst: wire.Group4,
			advert: wire.Advert{
				Version: wire.V2, VRID: 55, Priority: 200, Interval: time.Second,
				Addresses: addrs("192.0.2.104"),
			},
			message: unhex(
				"21",   // version 2, type 1
				"37",   // VRID 55
				"c8",   // priority 200
				"01",   // one address
				"00",   // authentication type 0
				"01",   // 1 second
				"545d", // checksum
				"c0000268",
				"00000000 00000000", // authentication data
			),
		},
		{
			name: "RFC 2338 section 5.3.10, plain-text password (keepalived)",
			src:  src4, dst: wire.Group4,
			advert: wire.Advert{
				Version: wire.V2, VRID: 53, Priority: 200, Interval: time.Second,
				Addresses: addrs("192.0.2.103"), Password: &pass,
			},
			message: unhex("21 35 c8 01 01 01 1714 c0000267", "73656372 65740000"),
		},
		{
			name: "RFC 3768 section 6.4.2, priority 0 (keepalived)",
			src:  src4, dst: wire.Group4,
			advert: wire.Advert{
				Version: wire.V2, VRID: 55, Priority: wire.PriorityStop, Interval: time.Second,
				Addresses: addrs("192.0.2.104"),
			},
			message: unhex("21 37 00 01 00 01 1c5e c0000268", "00000000 00000000"),
		},
	}
}

func TestAppendTo(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			prefix := []byte("before")
			got, err := g.advert.AppendTo(slices.Clone(prefix), g.src, g.dst, g.sum)
			if err != nil {
				t.Fatal(err)
			}
			if want := append(prefix, g.message...); !bytes.Equal(got, want) {
				t.Errorf("message\n got %x\nwant %x", got, want)
			}
			if got, want := g.advert.Len(), len(g.message); got != want {
				t.Errorf("Len is %d, want %d", got, want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	for _, g := range goldens() {
		t.Run(g.name, func(t *testing.T) {
			var got wire.Advert
			sum, err := got.Parse(g.message, g.src, g.dst)
			if err != nil {
				t.Fatal(err)
			}
			if diff := diffAdverts(g.advert, got); diff != "" {
				t.Errorf("advert (-want +got)\n%s", diff)
			}
			if sum != g.sum {
				t.Errorf("checksum form %d, want %d", sum, g.sum)
			}
		})
	}
}

// Parse must neither keep something of the packet before nor of the buffer.
func TestParseReuse(t *testing.T) {
	var got wire.Advert
	buf := make([]byte, 0, 1500)
	for range 2 {
		for _, g := range goldens() {
			buf = append(buf[:0], g.message...)
			if _, err := got.Parse(buf, g.src, g.dst); err != nil {
				t.Fatalf("%s: %v", g.name, err)
			}
			clear(buf)
			if diff := diffAdverts(g.advert, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", g.name, diff)
			}
		}
	}
}

// RFC 9568 section 7.1: the packet is complete if it is long enough. What
// Ethernet pads, or a sender appends, is not part of it.
func TestParsePadding(t *testing.T) {
	for _, g := range goldens() {
		for _, trailer := range []string{"\x00", "\xde\xad\xbe\xef", strings.Repeat("\x00", 26), strings.Repeat("\xff", 100)} {
			var got wire.Advert
			sum, err := got.Parse(append(slices.Clone(g.message), trailer...), g.src, g.dst)
			if err != nil || sum != g.sum {
				t.Errorf("%s: %d bytes more: form %d, error %v", g.name, len(trailer), sum, err)
			}
			if diff := diffAdverts(g.advert, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", g.name, diff)
			}
		}
	}
}

// RFC 9568 section 5.2.6: Reserve is ignored on reception. RFC 3768 section
// 5.3.6: so is the authentication data of type 0.
func TestParseIgnored(t *testing.T) {
	for _, g := range goldens() {
		msg := slices.Clone(g.message)
		switch {
		case g.advert.Version == wire.V3:
			msg[4] |= 0xf0
			add(msg, 6, 0x10000-0xf000-1) // what the checksum loses
		case g.advert.Password == nil:
			msg[len(msg)-1] = 7
			add(msg, 6, 0x10000-7-1)
		default:
			continue
		}
		var got wire.Advert
		if _, err := got.Parse(msg, g.src, g.dst); err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		if diff := diffAdverts(g.advert, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", g.name, diff)
		}
	}
}

// One address to 255, in every kind of message.
func TestRoundTrip(t *testing.T) {
	pass := [8]byte{0xff, 0, 1, 2, 3, 4, 5, 6}
	for _, want := range []wire.Advert{
		{Version: wire.V3, VRID: 1, Priority: 1, Interval: wire.StepV3},
		{Version: wire.V3, VRID: 255, Priority: 254, Interval: wire.MaxIntervalV3},
		{Version: wire.V2, VRID: 1, Priority: 1, Interval: wire.StepV2},
		{Version: wire.V2, VRID: 255, Priority: 254, Interval: wire.MaxIntervalV2, Password: &pass},
	} {
		for _, from := range []netip.Addr{src4, src6} {
			if want.Version == wire.V2 && from.Is6() {
				continue
			}
			roundTrips(t, want, from)
		}
	}
}

func roundTrips(t *testing.T, want wire.Advert, from netip.Addr) {
	to, addr := wire.Group4, netip.MustParseAddr("192.0.2.1")
	if from.Is6() {
		to, addr = wire.Group6, netip.MustParseAddr("2001:db8::1")
	}
	var got wire.Advert
	for n := 1; n <= 255; n++ {
		want.Addresses = append(want.Addresses, addr)
		addr = addr.Next()
		if n > 4 && n%25 != 0 && n < 254 {
			continue
		}
		for _, form := range []wire.Checksum{wire.ChecksumMessage, wire.ChecksumPseudo} {
			msg, err := want.AppendTo(nil, from, to, form)
			if err != nil {
				t.Fatal(err)
			}
			sum, err := got.Parse(msg, from, to)
			if err != nil {
				t.Fatalf("%d addresses: %v", n, err)
			}
			if diff := diffAdverts(want, got); diff != "" {
				t.Fatalf("%d addresses: (-want +got)\n%s", n, diff)
			}
			if choice := want.Version == wire.V3 && from.Is4(); choice && sum != form {
				t.Errorf("%d addresses: checksum form %d, want %d", n, sum, form)
			} else if !choice && sum != wire.ChecksumMessage {
				t.Errorf("%d addresses: checksum form %d where there is no choice", n, sum)
			}
		}
	}
}

func diffAdverts(want, got wire.Advert) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}))
}

func addrs(s ...string) []netip.Addr {
	out := make([]netip.Addr, len(s))
	for i := range s {
		out[i] = netip.MustParseAddr(s[i])
	}
	return out
}

// unhex is the bytes of hexadecimal text with blanks.
func unhex(s ...string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(s, ""), " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// add adds n to the 16 bits at off, with the carry of one's complement.
func add(b []byte, off int, n uint32) {
	n += uint32(b[off])<<8 | uint32(b[off+1])
	n = n>>16 + n&0xffff
	b[off], b[off+1] = byte(n>>8), byte(n)
}

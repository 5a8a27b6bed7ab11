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

// Each message has a good checksum unless the case is about it.
func TestParseDrops(t *testing.T) {
	v3 := "31 33 c8 02 000a 81f5 c0000264 c0000265"
	for _, c := range []struct {
		name     string
		src, dst netip.Addr
		message  string
		want     wire.Drop
	}{
		{"section 7.1: nothing", src4, wire.Group4, "", wire.DropTruncated},
		{"section 7.1: half a header", src4, wire.Group4, "31 33 c8 02 000a 81", wire.DropTruncated},
		{"section 7.1: a header without addresses", src4, wire.Group4, "31 33 c8 02 000a 81f5", wire.DropTruncated},
		{"section 7.1: half an address", src4, wire.Group4, "31 33 c8 02 000a 81f5 c0000264 c000", wire.DropTruncated},
		{"section 7.1: count 255", src4, wire.Group4, "31 33 c8 ff 000a 81f5 c0000264 c0000265", wire.DropTruncated},
		{"section 7.1: IPv6 addresses of four bytes", src6, wire.Group6, v3, wire.DropTruncated},
		{"RFC 3768 section 7.1: no authentication data", src4, wire.Group4, "21 37 c8 01 00 01 545d c0000268", wire.DropTruncated},

		{"section 7.1: version 0", src4, wire.Group4, "01 33 c8 02 000a b1f5 c0000264 c0000265", wire.DropVersion},
		{"section 7.1: version 4", src4, wire.Group4, "41 33 c8 02 000a 71f5 c0000264 c0000265", wire.DropVersion},
		{"RFC 3768 section 5.1: version 2 over IPv6", src6, wire.Group6, "21 37 c8 01 00 01 545d c0000268 00000000 00000000", wire.DropVersion},
		{"section 5.2.2: type 0", src4, wire.Group4, "30 33 c8 02 000a 82f5 c0000264 c0000265", wire.DropType},
		{"section 5.2.2: type 2", src4, wire.Group4, "32 33 c8 02 000a 80f5 c0000264 c0000265", wire.DropType},

		{"section 5.2.8: IPv4", src4, wire.Group4, "31 33 c8 02 000a 81f4 c0000264 c0000265", wire.DropChecksum},
		{"section 5.2.8: IPv4, all zero", src4, wire.Group4, "31 33 c8 02 000a 0000 c0000264 c0000265", wire.DropChecksum},
		{"section 5.2.8: another destination's pseudo-header", src4, src4, "31 33 c8 02 000a df57 c0000264 c0000265", wire.DropChecksum},
		{"section 5.2.8: IPv6 without a pseudo-header", src6, wire.Group6, "31 34 c8 01 0064 07e4 fe800000000000000000000000000001", wire.DropChecksum},
		{"RFC 3768 section 5.3.8: version 2 with a pseudo-header", src4, wire.Group4, "21 37 c8 01 00 01 b1bb c0000268 00000000 00000000", wire.DropChecksum},
		{"RFC 3768 section 5.3.8: the authentication data changed", src4, wire.Group4, "21 35 c8 01 01 01 1714 c0000267 73656372 65740001", wire.DropChecksum},
		{"addresses of two families", src4, wire.Group6, v3, wire.DropChecksum},
		{"no source", netip.Addr{}, wire.Group6, v3 + "00000000 00000000 00000000 00000000 00000000 00000000", wire.DropChecksum},
		{"no destination", src4, netip.Addr{}, v3, wire.DropChecksum},

		{"section 5.2.3: VRID 0", src4, wire.Group4, "31 00 c8 01 000a 448f c0000264", wire.DropVRID},
		{"section 5.2.5: count 0", src4, wire.Group4, "31 33 c8 00 000a 06c2", wire.DropNoAddress},
		{"section 5.2.5: count 0, padded", src4, wire.Group4, "31 33 c8 00 000a 06c2 c0000264", wire.DropNoAddress},
		{"section 6.1, erratum 8301: interval 0", src4, wire.Group4, "31 33 c8 01 0000 4466 c0000264", wire.DropZeroInterval},
		{"section 6.1, erratum 8301: only reserved bits", src4, wire.Group4, "31 33 c8 01 f000 5465 c0000264", wire.DropZeroInterval},
		{"RFC 3768 section 5.3.7: interval 0", src4, wire.Group4, "21 37 c8 01 00 00 545e c0000268 00000000 00000000", wire.DropZeroInterval},
		{"RFC 3768 section 5.3.6: type 2", src4, wire.Group4, "21 37 c8 01 02 01 525d c0000268 00000000 00000000", wire.DropAuth},
		{"RFC 3768 section 5.3.6: type 254", src4, wire.Group4, "21 37 c8 01 fe 01 565c c0000268 00000000 00000000", wire.DropAuth},
	} {
		t.Run(c.name, func(t *testing.T) {
			pass := [8]byte{1}
			before := wire.Advert{
				Version: wire.V2, VRID: 9, Priority: 8, Interval: time.Minute,
				Addresses: addrs("198.51.100.1", "198.51.100.2"), Password: &pass,
			}
			got := before
			got.Addresses = slices.Clone(before.Addresses)
			_, err := got.Parse(unhex(c.message), c.src, c.dst)
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if diff := diffAdverts(before, got); diff != "" || pass != [8]byte{1} {
				t.Errorf("the advert changed (-want +got)\n%s", diff)
			}
		})
	}
}

// Every damaged byte of every golden is noticed: one's complement sees each
// change of a single byte but 00 to ff in an all-ones word, which these have not.
func TestParseDamage(t *testing.T) {
	for _, g := range goldens() {
		for i := range g.message {
			for bit := range 8 {
				msg := slices.Clone(g.message)
				msg[i] ^= 1 << bit
				var a wire.Advert
				if _, err := a.Parse(msg, g.src, g.dst); err == nil {
					t.Errorf("%s: bit %d of byte %d flipped, and nobody noticed", g.name, bit, i)
				}
			}
		}
	}
}

func TestDropNames(t *testing.T) {
	seen := make(map[string]bool)
	for d := range wire.Drops {
		name := d.String()
		if name == "" || name == "unknown" || seen[name] {
			t.Errorf("drop %d is called %q", d, name)
		}
		seen[name] = true
		if got, want := d.Error(), "advert dropped: "+name; got != want {
			t.Errorf("Error is %q, want %q", got, want)
		}
	}
	if got := wire.Drops.String(); got != "unknown" {
		t.Errorf("a number beyond the last is %q", got)
	}
}

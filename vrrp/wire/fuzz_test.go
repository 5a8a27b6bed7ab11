// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// FuzzParse: no input panics; what doesn't parse is a Drop and changes nothing;
// what parses is encoded to the same bytes, apart from those that a receiver
// ignores.
func FuzzParse(f *testing.F) {
	for _, g := range goldens() {
		f.Add(g.message, g.src.AsSlice(), g.dst.AsSlice())
	}
	f.Fuzz(func(t *testing.T, b, srcBytes, dstBytes []byte) {
		src, _ := netip.AddrFromSlice(srcBytes)
		dst, _ := netip.AddrFromSlice(dstBytes)
		input := slices.Clone(b)
		var a wire.Advert
		sum, err := a.Parse(b, src, dst)
		if !bytes.Equal(b, input) {
			t.Fatal("Parse changed its input")
		}
		if err != nil {
			var d wire.Drop
			if !errors.As(err, &d) || d > wire.DropAuth && d != wire.DropVRID {
				t.Errorf("error %v is none of Parse's", err)
			}
			if diff := diffAdverts(wire.Advert{}, a); diff != "" {
				t.Errorf("the advert changed: %s", diff)
			}
			return
		}
		msg, err := a.AppendTo(nil, src, dst, sum)
		if err != nil {
			t.Fatalf("%+v parses but can't be encoded: %v", a, err)
		}
		if canonical(input, msg) && !bytes.Equal(msg, input[:len(msg)]) {
			t.Errorf("encoded again\n got %x\nwant %x", msg, input[:len(msg)])
		}
		var again wire.Advert
		sumAgain, err := again.Parse(msg, src, dst)
		if err != nil || sumAgain != sum {
			t.Fatalf("parsed again: checksum form %d, error %v; at first form %d", sumAgain, err, sum)
		}
		if diff := diffAdverts(a, again); diff != "" {
			t.Errorf("parsed again (-first +second)\n%s", diff)
		}
	})
}

// canonical tells whether what a receiver ignores is zero in the input: Reserve
// (RFC 9568 section 5.2.6) and the authentication data of type 0 (RFC 3768
// section 5.3.6); and whether a checksum of zero is not written as its other
// form, ffff (RFC 1071).
func canonical(input, msg []byte) bool {
	if input[6] == 0xff && input[7] == 0xff {
		return false
	}
	if wire.Version(input[0]>>4) == wire.V3 {
		return input[4]&0xf0 == 0
	}
	data := input[len(msg)-8 : len(msg)]
	return input[4] != 0 || bytes.Equal(data, make([]byte, 8))
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
)

var testMAC = hardware{2, 0, 0, 0, 0, 1}

// golden are the announcements' frames, byte by byte.
var golden = map[string][]string{
	"192.0.2.100/24": {
		// RFC 9568 section 6.4.2 (erratum 7949), as a request
		"ffffffffffff 020000000001 0806" +
			"0001 0800 06 04 0001 020000000001 c0000264 000000000000 c0000264",
		// and as a reply: RFC 5944 section 4.6
		"ffffffffffff 020000000001 0806" +
			"0001 0800 06 04 0002 020000000001 c0000264 020000000001 c0000264",
	},
	"2001:db8::100/64": {
		// RFC 9568 section 6.4.2, RFC 4861 sections 4.4 and 7.2.6
		"333300000001 020000000001 86dd" +
			"60000000 0020 3a ff 20010db8000000000000000000000100 ff020000000000000000000000000001" +
			"88 00 772c a0000000 20010db8000000000000000000000100 02 01 020000000001",
	},
}

func goldenFrames(t testing.TB, prefix string) []string {
	t.Helper()
	var list []string
	for _, s := range golden[prefix] {
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	return list
}

func TestFrames(t *testing.T) {
	addr4, addr6 := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("2001:db8::100")
	want := append(goldenFrames(t, "192.0.2.100/24"), goldenFrames(t, "2001:db8::100/64")...)
	for i, got := range [][]byte{
		appendARP(nil, arpRequest, testMAC, addr4),
		appendARP(nil, arpReply, testMAC, addr4),
		appendNA(nil, testMAC, addr6),
	} {
		if string(got) != want[i] {
			t.Errorf("frame %d:\n got %x\nwant %x", i, got, want[i])
		}
	}
}

// The sum over the pseudo-header and the message with its checksum is 0xffff.
func TestChecksum(t *testing.T) {
	for _, a := range []string{"2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "fe80::1"} {
		addr := netip.MustParseAddr(a)
		b := appendNA(nil, testMAC, addr)
		if sum := checksum6(addr.As16(), allNodes.As16(), b[14+40:]); sum != 0 {
			t.Errorf("%s: %#x is left", a, sum)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

// TestFrames compares the questions with frames that the kernel answers.
func TestFrames(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{
			"ARP", appendARPRequest(nil, mac, netip.MustParseAddr("192.0.2.100")),
			"020000000001" + "020000000200" + "0806" + "0001080006040001" + "020000000200" + "00000000" + "000000000000" + "c0000264",
		},
		{
			"NS", appendSolicitation(nil, mac, netip.MustParseAddr("2001:db8::100"), 2*solicitations),
			"020000000001" + "020000000200" + "86dd" + "6000000000203aff" +
				"fe80000000000000020000fffe000002" + "20010db8000000000000000000000100" +
				"8700" + "16af" + "00000000" + "20010db8000000000000000000000100" + "0101020000000200",
		},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestFilter(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.100")
	frame := appendARPRequest(nil, net.HardwareAddr{2, 0, 0, 0, 2, 0}, vip)
	frame[arpOp+1] = 2
	copy(frame[arpSender:], vip.AsSlice())
	for _, target := range []*netip.Addr{nil, &vip} {
		vm, err := bpf.NewVM(answerFilter(target))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := vm.Run(frame); err != nil || n == 0 {
			t.Errorf("an answer does not pass: %v", err)
		}
		other := append([]byte(nil), frame...)
		other[arpOp+1] = 1
		if n, _ := vm.Run(other); n != 0 {
			t.Error("a question passes")
		}
	}
}

func FuzzStampOf(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{32, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 35, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 35, 0, 0, 0})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 35, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, b []byte) { stampOf(b) })
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// packet4 is a packet of 192.0.2.2 with options and a Total Length of its own.
func packet4(version, words byte, total int, rest ...byte) []byte {
	b := make([]byte, 20, 20+len(rest))
	b[0] = version<<4 | words
	binary.BigEndian.PutUint16(b[2:], uint16(total))
	b[8], b[9] = 255, wire.Protocol
	copy(b[12:], []byte{192, 0, 2, 2, 224, 0, 0, 18})
	return append(b, rest...)
}

func TestParseIPv4(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []byte
		want []byte // nil: refused
	}{
		{"message", packet4(4, 5, 22, 0x31, 51), []byte{0x31, 51}},
		{"options", packet4(4, 6, 26, 1, 2, 3, 4, 0x31, 51), []byte{0x31, 51}},
		{"padding", packet4(4, 5, 22, 0x31, 51, 0, 0), []byte{0x31, 51}},
		{"cut", packet4(4, 5, 400, 0x31, 51), []byte{0x31, 51}},
		{"no message", packet4(4, 5, 20), []byte{}},
		{"empty", nil, nil},
		{"short", packet4(4, 5, 20)[:19], nil},
		{"version 6", packet4(6, 5, 22, 0x31, 51), nil},
		{"header too short", packet4(4, 4, 22, 0x31, 51), nil},
		{"options missing", packet4(4, 15, 60, 1, 2), nil},
		{"total below header", packet4(4, 6, 22, 1, 2, 3, 4, 0x31, 51), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p wire.Packet
			ok := parseIPv4(tt.in, &p)
			if ok != (tt.want != nil) {
				t.Fatalf("parseIPv4: %v", ok)
			}
			if !ok {
				return
			}
			if !bytes.Equal(p.Data, tt.want) || p.TTL != 255 ||
				p.Src != netip.MustParseAddr("192.0.2.2") || p.Dst != wire.Group4 {
				t.Errorf("parseIPv4: %+v", p)
			}
		})
	}
}

func FuzzParseIPv4(f *testing.F) {
	f.Add(packet4(4, 5, 22, 0x31, 51))
	f.Add(packet4(4, 15, 60, 1, 2))
	f.Add(packet4(4, 6, 65535, 1, 2, 3, 4, 0x31, 51))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p wire.Packet
		if !parseIPv4(b, &p) {
			if p.Data != nil || p.Src.IsValid() {
				t.Fatalf("refused, but %+v", p)
			}
			return
		}
		if !p.Src.Is4() || !p.Dst.Is4() || p.TTL != b[8] {
			t.Fatalf("%+v", p)
		}
		if !bytes.Contains(b[20:], p.Data) {
			t.Fatal("Data is not of the packet")
		}
	})
}

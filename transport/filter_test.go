// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"testing"

	"golang.org/x/net/bpf"
)

// passes runs prog as the kernel would.
func passes(t *testing.T, prog []bpf.Instruction, packet []byte) bool {
	t.Helper()
	vm, err := bpf.NewVM(prog)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func TestFilterVRIDs(t *testing.T) {
	all := make([]uint8, 256)
	for i := range all {
		all[i] = uint8(i)
	}
	for _, set := range [][]uint8{nil, {1}, {255}, {31, 32}, {0, 63, 64, 128, 200}, all[1:], all} {
		want := make(map[uint8]bool)
		for _, id := range set {
			want[id] = true
		}
		prog := append([]bpf.Instruction{bpf.LoadAbsolute{Off: offVRID, Size: 1}}, oneOf(set)...)
		for id := range 256 {
			if got := passes(t, prog, []byte{0x31, byte(id)}); got != want[uint8(id)] {
				t.Errorf("set %v: VRID %d passes: %v", set, id, got)
			}
		}
	}
}

func TestFilterIPv4(t *testing.T) {
	raw, err := filter(4, []uint8{51})
	if err != nil {
		t.Fatal(err)
	}
	prog, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("unknown instruction")
	}
	from := func(last byte, options int, message ...byte) []byte {
		b := make([]byte, 20+options)
		b[0] = 0x45 + byte(options/4)
		copy(b[12:], []byte{192, 0, 2, last, 224, 0, 0, 18})
		return append(b, message...)
	}
	for _, tt := range []struct {
		name   string
		packet []byte
		want   bool
	}{
		{"another's", from(2, 0, 0x31, 51, 100), true},
		{"own, for the caller to count", from(1, 0, 0x31, 51, 100), true},
		{"with options", from(2, 8, 0x31, 51, 100), true},
		{"other VRID", from(2, 8, 0x31, 52, 100), false},
		{"version 2", from(2, 0, 0x21, 51), true},
		{"unknown version", from(2, 0, 0x71, 51), true},
		{"short", from(2, 0, 0x31), false},
		{"header alone", from(2, 0), false},
		{"empty", nil, false},
	} {
		if got := passes(t, prog, tt.packet); got != tt.want {
			t.Errorf("%s: passes: %v", tt.name, got)
		}
	}
}

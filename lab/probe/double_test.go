// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"
)

func TestDoubles(t *testing.T) {
	long := func(from, to int) (out []time.Duration) {
		for n := from; n <= to; n++ {
			out = append(out, ms(n)+1)
		}
		return out
	}
	sends := make([]time.Duration, 100)
	for n := range sends {
		sends[n] = ms(n)
	}
	tests := []struct {
		name string
		a, b []time.Duration
		want int
	}{
		{"one after the other", long(0, 9), long(10, 20), 0},
		{"nobody", nil, nil, 0},
		{"a single answer", long(0, 20), []time.Duration{ms(10) + 2}, 1},
		{"overlap", long(0, 10), long(8, 20), 6},
		{"there and back", append(long(0, 10), long(30, 40)...), long(11, 29), 0},
		{"in the same millisecond", long(0, 9), []time.Duration{ms(9) + 2}, 0},
		{"the wrong way round", long(0, 9), []time.Duration{ms(9)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			by := map[string]*presence{"a": new(presence), "b": new(presence)}
			by["a"].add(sends, tt.a)
			by["b"].add(sends, tt.b)
			if got := doubles(by); len(got) != tt.want {
				t.Errorf("%d, want %d: %v", len(got), tt.want, got)
			}
		})
	}
}

// TestDoublesOfOne has a host that answers at two ports, which is no double.
func TestDoublesOfOne(t *testing.T) {
	p := new(presence)
	p.add([]time.Duration{0, ms(1)}, []time.Duration{1, ms(1) + 1})
	p.add([]time.Duration{0, ms(1)}, []time.Duration{2, ms(1) + 2})
	if got := doubles(map[string]*presence{"a": p}); len(got) > 0 {
		t.Error(got)
	}
}

func TestWhoHas(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 9}
	own, vip := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("192.0.2.100")
	want := []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		2, 0, 0, 0, 0, 9, 192, 0, 2, 9, 0, 0, 0, 0, 0, 0, 192, 0, 2, 100,
	}
	if diff := cmp.Diff(want, appendWhoHas(nil, mac, own, vip)); diff != "" {
		t.Error(diff)
	}
	vm, err := bpf.NewVM(whoHasFilter(mac, vip))
	if err != nil {
		t.Fatal(err)
	}
	answer := append([]byte(nil), want...)
	copy(answer, mac)
	answer[arpOp+1] = 2
	copy(answer[arpSender:], vip.AsSlice())
	if n, err := vm.Run(answer); err != nil || n == 0 {
		t.Errorf("an answer does not pass: %v", err)
	}
	if n, _ := vm.Run(want); n != 0 {
		t.Error("a question passes")
	}
}

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

// TestDoublesTurns has hosts that take turns while the prober is late.
func TestDoublesTurns(t *testing.T) {
	sends := []time.Duration{ms(0), ms(1), ms(30), ms(31), ms(60), ms(61)}
	a, b := new(presence), new(presence)
	a.add(sends, []time.Duration{ms(1) + 1, ms(60) + 1, ms(61) + 1})
	b.add(sends, []time.Duration{ms(30) + 1, ms(31) + 1})
	if got := doubles(map[string]*presence{"a": a, "b": b}); len(got) > 0 {
		t.Error(got)
	}
	// Asked at the same moments, and both there.
	b.add(sends, []time.Duration{ms(60) + 2, ms(61) + 2})
	if got := doubles(map[string]*presence{"a": a, "b": b}); len(got) != 2 {
		t.Errorf("%v, want two", got)
	}
}

// TestLongest has a client that is answered by two hosts.
func TestLongest(t *testing.T) {
	asker := &Asker{answers: map[string][]time.Duration{
		"a": {ms(1) + 1, ms(2) + 1, ms(3) + 1},
		"b": {ms(9) + 1, ms(10) + 1, ms(50) + 1, ms(60) + 1},
	}}
	for n := range 13 {
		asker.sends = append(asker.sends, ms(n))
	}
	// The prober was late once, and lost one answer.
	asker.sends = append(asker.sends, ms(50), ms(51), ms(60), ms(61))
	tests := []struct{ from, to, want time.Duration }{
		{0, ms(5), 0},
		{0, ms(11), ms(6)},
		{ms(9), ms(11), 0},
		{0, ms(100), ms(40)}, // 11 and 12 were not answered
		{ms(50), ms(100), ms(10)},
		{ms(70), ms(100), 0},
	}
	for _, tt := range tests {
		if got := asker.Longest(tt.from, tt.to); got != tt.want {
			t.Errorf("from %v to %v: %v, want %v", tt.from, tt.to, got, tt.want)
		}
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

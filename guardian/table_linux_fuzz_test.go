// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
	"unsafe"
)

// FuzzView reads a table that an agent gone mad has written over: a deadline is
// one that stands in it, or none.
func FuzzView(f *testing.F) {
	entry := func(a netip.Addr, deadline uint64) []byte {
		b := a.As16()
		return binary.NativeEndian.AppendUint64(b[:], deadline)
	}
	two := append(entry(vip4.Addr(), 1), entry(vip6.Addr(), 1<<62)...)
	f.Add(uint64(2), two)
	f.Add(uint64(1)<<63, two)
	f.Add(uint64(3), append(two, entry(vip4.Addr(), 1<<63)...))
	f.Add(uint64(1), two[:entrySize-1])
	memory := make([]uint64, tableSize/8) // words are aligned
	f.Fuzz(func(t *testing.T, count uint64, entries []byte) {
		clear(memory)
		mem := unsafe.Slice((*byte)(unsafe.Pointer(&memory[0])), tableSize)
		copy(mem[tableHeader:], entries)
		tab := table{mem}
		tab.count().Store(count)
		v := newView(tab)
		known := map[time.Duration]bool{0: true}
		for i := range min(count, entriesMost, uint64(len(entries)/entrySize+1)) {
			known[time.Duration(tab.deadline(int(i)).Load())] = true
		}
		for _, a := range []netip.Addr{vip4.Addr(), vip6.Addr(), {}} {
			if d := v.deadline(a); !known[d] {
				t.Errorf("%v: %v stands nowhere in a table of %d", a, d, count)
			}
		}
	})
}

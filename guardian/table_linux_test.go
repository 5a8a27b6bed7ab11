// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// newTable is both sides of one.
func newTable(t *testing.T) (*ledger, view) {
	t.Helper()
	l, err := newLedger()
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, l.close()) })
	other, err := mapTable(l.file, unix.PROT_READ)
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, unix.Munmap(other.mem)) })
	return l, newView(other)
}

// The guardian sees each end of a lease, and is told of those only that it could
// miss.
func TestTable(t *testing.T) {
	l, v := newTable(t)
	both := []netip.Addr{vip4.Addr(), vip6.Addr()}
	now := time.Hour
	for _, c := range []struct {
		what  string
		addrs []netip.Addr
		end   time.Duration
		look  bool
	}{
		{"the first lease", both, now + time.Second, true},
		{"a renewal", both, now + 2*time.Second, false},
		{"nearer", both[:1], now + time.Second, true},
		{"over", both[1:], now, true},
		{"over still", both[1:], now - time.Second, true},
		{"held again", both[1:], now + time.Second, true},
		{"a renewal of both", both, now + 3*time.Second, false},
	} {
		look, err := l.set(c.addrs, c.end, now)
		if err != nil || look != c.look {
			t.Errorf("%s: look %v, %v", c.what, look, err)
		}
		for _, a := range c.addrs {
			if got := v.deadline(a); got != c.end {
				t.Errorf("%s: the guardian sees %v of %v, want %v", c.what, got, a, c.end)
			}
		}
	}
	if got := v.deadline(own4); got != 0 {
		t.Errorf("an address without a lease has %v", got)
	}
}

func TestTableFull(t *testing.T) {
	l, v := newTable(t)
	many := make([]netip.Addr, entriesMost+1)
	for i := range many {
		b := vip6.Addr().As16()
		binary.BigEndian.PutUint32(b[12:], uint32(i))
		many[i] = netip.AddrFrom16(b)
	}
	if _, err := l.set(many, 1, 0); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	if got := v.deadline(many[entriesMost-1]); got != 1 {
		t.Errorf("the last that has room: %v", got)
	}
	if _, err := l.set([]netip.Addr{many[entriesMost], many[0]}, 2, 0); !errors.Is(err, errFull) || v.deadline(many[0]) != 2 {
		t.Errorf("one beside one that has no room: %v, %v", v.deadline(many[0]), err)
	}
}

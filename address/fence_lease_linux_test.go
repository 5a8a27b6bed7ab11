// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"math"
	"testing"
	"time"
)

// What passes between the two clocks is taken from the lease.
func TestDeadlineIsNeverLate(t *testing.T) {
	start := time.Now()
	before, read := bootNow(t), time.Duration(0)
	got, err := Deadline(func() time.Time { read = bootNow(t); return start }, start.Add(time.Second))
	must(t, err)
	if got < before+time.Second || got > read+time.Second {
		t.Errorf("got %v, want a second from %v, and not from %v or later", got, before, read)
	}
}

func TestDeadlineRange(t *testing.T) {
	for _, c := range []struct{ boot, remains, want time.Duration }{
		{time.Hour, time.Second, time.Hour + time.Second},
		{time.Hour, -time.Second, time.Hour - time.Second},
		{time.Hour, -2 * time.Hour, 0},
		{time.Hour, math.MinInt64, 0},
		{time.Hour, math.MaxInt64, math.MaxInt64},
		{time.Hour, math.MaxInt64 - time.Hour, math.MaxInt64},
	} {
		if got := deadline(c.boot, c.remains); got != c.want {
			t.Errorf("deadline(%v, %v) = %v, want %v", c.boot, c.remains, got, c.want)
		}
	}
}

// Leases set what a Fence is told, and a table of another process closes it.
func TestFenceTable(t *testing.T) {
	r := newFenceRig(t)
	f := r.fence(FenceConfig{})
	l := Leases{Fence: f, Now: time.Now}
	must(t, f.Neighbours(fenceAddresses[:1], true))
	must(t, l.Set(fenceAddresses, time.Now().Add(time.Hour)))
	r.want("open", everyWay)
	file, err := f.File()
	must(t, err)
	table, err := OpenFenceTable(file)
	must(t, err)
	must(t, file.Close())
	t.Cleanup(func() { must(t, table.Close()) })
	must(t, table.Shut(append(fenceAddresses, own4))) // own4 is not fenced and stays so
	r.want("closed by the table", []string{"ping"})
	must(t, l.Set(fenceAddresses, time.Now().Add(time.Hour)))
	r.want("open again", everyWay)
	must(t, l.Shut(fenceAddresses))
	r.want("closed", []string{"ping"})
}

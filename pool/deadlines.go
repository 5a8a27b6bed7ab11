// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import "container/heap"

// deadlines are the units by when the loop has to see to them.
type deadlines struct{ units []*unit }

// set puts the unit where its deadline belongs.
func (d *deadlines) set(u *unit) {
	switch {
	case u.due.IsZero():
		d.remove(u)
	case u.slot < 0:
		heap.Push(d, u)
	default:
		heap.Fix(d, u.slot)
	}
}

// remove forgets the unit.
func (d *deadlines) remove(u *unit) {
	if u.slot >= 0 {
		heap.Remove(d, u.slot)
	}
}

// Len, Less, Swap, Push and Pop are for container/heap.

func (d *deadlines) Len() int           { return len(d.units) }
func (d *deadlines) Less(a, b int) bool { return d.units[a].due.Before(d.units[b].due) }

func (d *deadlines) Swap(a, b int) {
	d.units[a], d.units[b] = d.units[b], d.units[a]
	d.units[a].slot, d.units[b].slot = a, b
}

func (d *deadlines) Push(x any) {
	u := x.(*unit)
	u.slot = len(d.units)
	d.units = append(d.units, u)
}

func (d *deadlines) Pop() any {
	last := len(d.units) - 1
	u := d.units[last]
	d.units[last] = nil
	d.units = d.units[:last]
	u.slot = -1
	return u
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"container/heap"
	"time"
)

// deadlines orders instances by when their engines want a Tick.
//
// A Backup's deadline moves later with each advert, thousands of times a
// second in all. So an entry that is too early is left where it is and looked
// at again when it comes up: moving later costs nothing.
type deadlines struct{ items []*instance }

// earliest is when the loop must look again.
func (d *deadlines) earliest() (time.Time, bool) {
	if len(d.items) == 0 {
		return time.Time{}, false
	}
	return d.items[0].due, true
}

// set makes sure that the instance comes up no later than at.
func (d *deadlines) set(i *instance, at time.Time) {
	switch {
	case i.slot < 0:
		i.due = at
		heap.Push(d, i)
	case at.Before(i.due):
		i.due = at
		heap.Fix(d, i.slot)
	}
}

// first is the instance whose entry comes up first, if it does so by then.
func (d *deadlines) first(by time.Time) (*instance, bool) {
	if len(d.items) == 0 || d.items[0].due.After(by) {
		return nil, false
	}
	return d.items[0], true
}

// move changes the entry of an instance that has one.
func (d *deadlines) move(i *instance, to time.Time) {
	i.due = to
	heap.Fix(d, i.slot)
}

// remove forgets the instance.
func (d *deadlines) remove(i *instance) {
	if i.slot >= 0 {
		heap.Remove(d, i.slot)
	}
}

// Len, Less, Swap, Push and Pop are for container/heap.

func (d *deadlines) Len() int           { return len(d.items) }
func (d *deadlines) Less(a, b int) bool { return d.items[a].due.Before(d.items[b].due) }

func (d *deadlines) Swap(a, b int) {
	d.items[a], d.items[b] = d.items[b], d.items[a]
	d.items[a].slot, d.items[b].slot = a, b
}

func (d *deadlines) Push(x any) {
	i := x.(*instance)
	i.slot = len(d.items)
	d.items = append(d.items, i)
}

func (d *deadlines) Pop() any {
	last := len(d.items) - 1
	i := d.items[last]
	d.items[last] = nil
	d.items = d.items[:last]
	i.slot = -1
	return i
}

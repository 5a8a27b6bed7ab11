// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"container/heap"
	"time"
)

// deadlines are the jobs by when the loop has to see to them. Use set, remove
// and first.
type deadlines struct{ jobs []*job }

// set puts the job where its deadline belongs.
func (d *deadlines) set(j *job) {
	j.due = j.dueAt()
	if j.slot < 0 {
		heap.Push(d, j)
	} else {
		heap.Fix(d, j.slot)
	}
}

// remove forgets the job.
func (d *deadlines) remove(j *job) {
	if j.slot >= 0 {
		heap.Remove(d, j.slot)
	}
}

// next is the first deadline of all.
func (d *deadlines) next() (time.Time, bool) {
	if len(d.jobs) == 0 {
		return time.Time{}, false
	}
	return d.jobs[0].due, true
}

// first is the job that comes up first, if it does so by then.
func (d *deadlines) first(by time.Time) (*job, bool) {
	if len(d.jobs) == 0 || d.jobs[0].due.After(by) {
		return nil, false
	}
	return d.jobs[0], true
}

// Len, Less, Swap, Push and Pop are for container/heap.

func (d *deadlines) Len() int           { return len(d.jobs) }
func (d *deadlines) Less(a, b int) bool { return d.jobs[a].due.Before(d.jobs[b].due) }

func (d *deadlines) Swap(a, b int) {
	d.jobs[a], d.jobs[b] = d.jobs[b], d.jobs[a]
	d.jobs[a].slot, d.jobs[b].slot = a, b
}

func (d *deadlines) Push(x any) {
	j := x.(*job)
	j.slot = len(d.jobs)
	d.jobs = append(d.jobs, j)
}

func (d *deadlines) Pop() any {
	last := len(d.jobs) - 1
	j := d.jobs[last]
	d.jobs[last] = nil
	d.jobs = d.jobs[:last]
	j.slot = -1
	return j
}

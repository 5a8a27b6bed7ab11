// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"maps"
	"slices"
)

// procTable is where processes are read: /proc.
type procTable interface {
	// list are the numbers of all processes.
	list() ([]int, error)
	// read is what a process runs, false if there is none or a zombie.
	read(pid int) (image, bool)
}

// watched is a pattern and how many processes it matches in the picture.
type watched struct {
	pattern
	count   int
	touched bool // count has changed
	// look is called when passing has become wrong, nil if nobody waits for it.
	look    func()
	told    bool // passing has a value
	passing bool
}

// known is an image and who counts it. Forks share it.
type known struct {
	image
	by []*watched
}

// picture is which processes there are, as far as it has been told. It reads a
// process only when it runs another program: what an event costs depends
// neither on how many processes there are nor, but for that reading, on how many
// patterns.
type picture struct {
	table procTable
	self  int // does not count
	all   map[int]*known
	by    []*watched
	// copies are forks, which are taken for what their parent was when the event
	// was read. That may be later than when it happened.
	copies  map[int]struct{}
	touched []*watched
}

func newPicture(table procTable, self int) *picture {
	return &picture{table: table, self: self, all: map[int]*known{}, copies: map[int]struct{}{}}
}

// watch counts a pattern from now on.
func (p *picture) watch(w *watched) {
	p.by = append(p.by, w)
	seen := map[*known]bool{}
	for _, k := range p.all {
		if !seen[k] && w.matches(&k.image) {
			k.by = append(k.by, w)
		}
		seen[k] = true
		if slices.Contains(k.by, w) {
			w.count++
		}
	}
}

// forget ends watch.
func (p *picture) forget(w *watched) {
	drop := func(l []*watched) []*watched {
		return slices.DeleteFunc(l, func(o *watched) bool { return o == w })
	}
	p.by, p.touched = drop(p.by), drop(p.touched)
	for _, k := range p.all {
		k.by = drop(k.by)
	}
}

// set makes k what a process runs; nil is none.
func (p *picture) set(pid int, k *known) {
	before := p.all[pid]
	if before == k || pid == p.self {
		return
	}
	if k == nil {
		delete(p.all, pid)
		delete(p.copies, pid)
	} else {
		p.all[pid] = k
	}
	p.count(before, -1)
	p.count(k, +1)
}

func (p *picture) count(k *known, n int) {
	if k == nil {
		return
	}
	for _, w := range k.by {
		w.count += n
		if !w.touched {
			w.touched = true
			p.touched = append(p.touched, w)
		}
	}
}

// reread looks at a process.
func (p *picture) reread(pid int) {
	delete(p.copies, pid)
	if pid == p.self {
		return
	}
	im, ok := p.table.read(pid)
	if !ok {
		p.set(pid, nil)
		return
	}
	p.show(pid, im)
}

// show makes im what a process runs.
func (p *picture) show(pid int, im image) {
	if before := p.all[pid]; before != nil && before.image == im {
		return
	}
	k := &known{image: im}
	for _, w := range p.by {
		if w.matches(&im) {
			k.by = append(k.by, w)
		}
	}
	p.set(pid, k)
}

// take follows an event.
func (p *picture) take(e procEvent) {
	switch e.kind {
	case procFork:
		parent := p.all[e.parent]
		if parent == nil { // the agent's, or a child of which nothing is known
			p.reread(e.pid)
			return
		}
		p.set(e.pid, parent)
		p.copies[e.pid] = struct{}{}
	case procExec:
		p.reread(e.pid)
	case procComm:
		if k := p.all[e.pid]; k != nil {
			im := k.image
			im.comm = e.comm
			p.show(e.pid, im)
		}
	case procExit:
		p.set(e.pid, nil)
	}
}

// check reads the forks that live and were not yet read.
func (p *picture) check() {
	for pid := range p.copies {
		p.reread(pid)
	}
}

// retitle reads again what w may count: a process changes its arguments without
// an event. Without a name that may be any.
func (p *picture) retitle(w *watched) {
	for _, pid := range slices.Collect(maps.Keys(p.all)) {
		if w.named(&p.all[pid].image) {
			p.reread(pid)
		}
	}
}

// scan reads all processes.
func (p *picture) scan() error {
	pids, err := p.table.list()
	if err != nil {
		return fmt.Errorf("listing the processes: %w", err)
	}
	there := make(map[int]bool, len(pids))
	for _, pid := range pids {
		there[pid] = true
		p.reread(pid)
	}
	for _, pid := range slices.Collect(maps.Keys(p.all)) {
		if !there[pid] {
			p.set(pid, nil)
		}
	}
	return nil
}

// tell wakes those whose verdict may be another now.
func (p *picture) tell() {
	for _, w := range p.touched {
		w.touched = false
		w.tell()
	}
	p.touched = p.touched[:0]
}

// tell wakes who waits for w if its verdict is another than it knows.
func (w *watched) tell() {
	passing := w.passes(w.count)
	if w.look == nil || w.told && w.passing == passing {
		return
	}
	w.told, w.passing = true, passing
	w.look()
}

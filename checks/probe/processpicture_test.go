// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/checks"
)

// fakeTable is a host's processes, and the events that were not yet delivered.
type fakeTable struct {
	all    map[int]image
	zombie map[int]bool
	events []procEvent
	reads  int
	next   int
}

func newFakeTable() *fakeTable {
	return &fakeTable{
		all:    map[int]image{1: newImage("init", "/sbin/init\x00"), 2: newImage("agent", "agent\x00")},
		zombie: map[int]bool{}, next: 3,
	}
}

func (f *fakeTable) list() ([]int, error) {
	return slices.AppendSeq(slices.Collect(maps.Keys(f.all)), maps.Keys(f.zombie)), nil
}

func (f *fakeTable) read(pid int) (image, bool) {
	f.reads++
	im, ok := f.all[pid]
	return im, ok
}

func (f *fakeTable) fork(parent int) int {
	pid := f.next
	f.next++
	f.all[pid] = f.all[parent]
	f.events = append(f.events, procEvent{kind: procFork, pid: pid, parent: parent})
	return pid
}

func (f *fakeTable) exec(pid int, program string) {
	f.all[pid] = newImage(program, "/bin/"+program+"\x00-x\x00")
	f.events = append(f.events, procEvent{kind: procExec, pid: pid})
}

func (f *fakeTable) rename(pid int, comm string) {
	im := f.all[pid]
	im.comm = comm
	f.all[pid] = im
	f.events = append(f.events, procEvent{kind: procComm, pid: pid, comm: comm})
}

// title changes the arguments but the first, of which there is no event.
func (f *fakeTable) title(pid int, title string) {
	im := f.all[pid]
	im.command = im.argv0 + " " + title
	f.all[pid] = im
}

func (f *fakeTable) exit(pid int) {
	delete(f.all, pid)
	f.zombie[pid] = true
	f.events = append(f.events, procEvent{kind: procExit, pid: pid})
}

// count is the truth.
func (f *fakeTable) count(w *watched) (n int) {
	for pid, im := range f.all {
		if pid != 2 && w.matches(&im) {
			n++
		}
	}
	return n
}

func newWatched(t *testing.T, k checks.Process) *watched {
	t.Helper()
	p, err := newPattern(k)
	if err != nil {
		t.Fatal(err)
	}
	return &watched{pattern: p}
}

// TestPictureFollows compares the picture with the truth, whatever happens on
// the host and however late its events come.
func TestPictureFollows(t *testing.T) {
	programs := []string{"a", "b", "c", "agent"}
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		host := newFakeTable()
		p := newPicture(host, 2)
		var all []*watched
		for _, k := range []checks.Process{
			{Name: "a", Min: 1},
			{Name: "b", Max: 2},
			{Name: "agent", Min: 1},
			{Command: "[ab] -x", Min: 2},
			{Name: "c", Command: "titled", Min: 1},
			{Command: "titled", Min: 1},
		} {
			w := newWatched(t, k)
			all = append(all, w)
			p.watch(w)
		}
		if err := p.scan(); err != nil {
			t.Fatal(err)
		}
		deliver := func(n int) {
			for _, e := range host.events[:n] {
				p.take(e)
			}
			host.events = host.events[n:]
		}
		for step := range 400 {
			pids := slices.Sorted(maps.Keys(host.all))
			pid := pids[random.IntN(len(pids))]
			program := programs[random.IntN(len(programs))]
			switch random.IntN(12) {
			case 0, 1, 2:
				host.fork(pid)
			case 3, 4:
				host.exec(pid, program)
			case 5:
				host.rename(pid, program)
			case 6:
				host.title(pid, "titled "+program)
			case 7, 8, 9:
				if pid > 2 {
					host.exit(pid)
				}
			case 10:
				deliver(random.IntN(len(host.events) + 1))
			case 11:
				// A pattern that comes and goes finds what there is.
				w := newWatched(t, checks.Process{Name: program, Min: 1})
				p.watch(w)
				if w.count != len(found(p, w)) {
					t.Fatalf("seed %d, step %d: %s: got %d of %v", seed, step, w, w.count, found(p, w))
				}
				p.forget(w)
			}
			if random.IntN(20) > 0 {
				continue
			}
			deliver(len(host.events))
			p.check()
			for _, w := range all {
				if w.command != nil {
					p.retitle(w)
				}
				if want := host.count(w); w.count != want {
					t.Fatalf("seed %d, step %d: %s: got %d, want %d", seed, step, w, w.count, want)
				}
			}
			p.tell()
		}
	}
}

// found are the processes of the picture that w matches.
func found(p *picture, w *watched) (pids []int) {
	for pid, k := range p.all {
		if w.matches(&k.image) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestPictureScans: after a loss of events one reading of all makes it right.
func TestPictureScans(t *testing.T) {
	host := newFakeTable()
	p := newPicture(host, 2)
	w := newWatched(t, checks.Process{Name: "a", Min: 1})
	p.watch(w)
	lost := host.fork(1)
	host.exec(lost, "a")
	kept := host.fork(lost)
	host.events = nil
	if err := p.scan(); err != nil || w.count != 2 {
		t.Fatalf("got %d, %v, want 2", w.count, err)
	}
	host.exit(lost)
	host.exec(kept, "b")
	if err := p.scan(); err != nil || w.count != 0 {
		t.Fatalf("got %d, %v, want 0", w.count, err)
	}
}

// TestPictureIsCheap: a storm of forks is not read, and a program that is
// started is read once, however many checks there are.
func TestPictureIsCheap(t *testing.T) {
	host := newFakeTable()
	p := newPicture(host, 2)
	for i := range 50 {
		p.watch(newWatched(t, checks.Process{Name: fmt.Sprint("program", i), Min: 1}))
	}
	if err := p.scan(); err != nil {
		t.Fatal(err)
	}
	for range 10000 {
		host.exit(host.fork(1))
	}
	for range 10 {
		host.exec(host.fork(1), "a")
	}
	host.reads = 0
	for _, e := range host.events {
		p.take(e)
	}
	p.check()
	if host.reads > 10 {
		t.Errorf("%d processes were read, want 10", host.reads)
	}
	if len(p.copies) > 0 || len(p.all) != 11 {
		t.Errorf("%d unread, %d known, want 0 and 11", len(p.copies), len(p.all))
	}
}

// TestPictureTells: who waits is told of another verdict, once per batch, and not
// of what makes no difference.
func TestPictureTells(t *testing.T) {
	host := newFakeTable()
	p := newPicture(host, 2)
	looks := 0
	w := newWatched(t, checks.Process{Name: "a", Min: 1, Max: 2})
	w.look = func() { looks++ }
	p.watch(w)
	step := func(what string, want int) {
		t.Helper()
		for _, e := range host.events {
			p.take(e)
		}
		host.events = nil
		p.tell()
		if looks != want {
			t.Errorf("%s: %d looks, want %d", what, looks, want)
		}
	}
	w.tell()
	step("at first", 1)
	one := host.fork(1)
	step("a fork of another", 1)
	host.exec(one, "a")
	step("the first", 2)
	two := host.fork(one)
	step("a second, allowed too", 2)
	host.fork(one)
	step("a third", 3)
	host.exit(two)
	step("two again", 4)
	host.exec(host.fork(1), "a")
	host.exit(one)
	step("one for another", 4)
	w.look = nil
	host.fork(one + 2)
	step("nobody waits", 4)
}

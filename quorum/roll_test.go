// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	listABC = abc.Current
	listBCD = List{[]string{"b", "c", "d"}, longest}
	listCDE = List{[]string{"c", "d", "e"}, longest / 2}
	running = &Saved{Generation: 1, Current: listABC}
)

// fleet is nodes whose reports reach all at once, unless a test mutes some.
type fleet struct {
	*testing.T
	now   time.Time
	rolls map[string]*Roll
	disks map[string]*Saved
	mute  string // names of those that neither hear nor are heard
}

func newFleet(t *testing.T) *fleet {
	return &fleet{T: t, now: boot, rolls: map[string]*Roll{}, disks: map[string]*Saved{}}
}

// start starts nodes with that file; saved is nil for those without state.
func (f *fleet) start(saved *Saved, file List, nodes ...string) {
	f.Helper()
	for _, node := range nodes {
		r, err := NewRoll(node, saved, file, f.now)
		if err != nil {
			f.Fatal(err)
		}
		f.rolls[node], f.disks[node] = r, saved
	}
	f.talk()
}

// talk brings to disk and to the others what is to be, until nothing changes.
func (f *fleet) talk() {
	f.Helper()
	for range 20 {
		for node, r := range f.rolls {
			if saved, ok := r.Pending(); ok {
				f.disks[node] = &saved
				r.Wrote(f.now, saved)
			}
			for to, o := range f.rolls {
				if to == node || strings.Contains(f.mute, to) || strings.Contains(f.mute, node) {
					continue
				}
				if err := o.Heard(f.now, node, r.Report()); err != nil {
					f.Fatal(err)
				}
			}
		}
	}
}

func (f *fleet) pass(d time.Duration) {
	f.Helper()
	f.now = f.now.Add(d)
	for _, r := range f.rolls {
		r.Step(f.now)
	}
	f.talk()
}

func (f *fleet) load(file List, nodes ...string) {
	f.Helper()
	for _, node := range nodes {
		if err := f.rolls[node].Configure(f.now, file); err != nil {
			f.Fatal(err)
		}
	}
	f.talk()
}

// at wants nodes to be there: what candidates ask under, and voters vote under.
func (f *fleet) at(generation uint64, asks, votes Lists, nodes ...string) {
	f.Helper()
	for _, node := range nodes {
		r := f.rolls[node]
		a, ok := r.Lists()
		v, votesOK := r.Votes()
		if r.disk.Generation != generation || ok != (generation > 0) || votesOK != ok {
			f.Fatalf("%s is at %d, asks %v, votes %v; want %d", node, r.disk.Generation, ok, votesOK, generation)
		}
		if a.digests() != asks.digests() || v.digests() != votes.digests() || v.Sealed != votes.Sealed {
			f.Fatalf("%s asks under %v and votes under %v, want %v and %v", node, a, v, asks, votes)
		}
	}
}

func TestRollChanges(t *testing.T) {
	f := newFleet(t)
	f.start(running, listABC, "a", "b", "c")
	old, both := Lists{Current: listABC}, Lists{Current: listABC, Staged: listBCD}
	f.at(1, old, old, "a", "b", "c")
	f.load(listBCD, "b")
	f.at(1, old, both, "b")
	f.start(nil, listBCD, "d")
	f.at(1, old, both, "d")
	f.load(listBCD, "c")
	if got := f.rolls["d"].Waits(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("waits for %v", got)
	}
	f.pass(time.Hour)
	f.at(1, old, both, "b", "c", "d")
	f.load(listBCD, "a")
	f.at(1, both, both, "a", "b", "c", "d")
	for _, sealed := range []bool{false, true} {
		if at, ok := f.rolls["a"].Deadline(); !ok || at != f.now.Add(longest) {
			t.Fatalf("due after %v, %v", at.Sub(f.now), ok)
		}
		both.Sealed = sealed
		f.pass(longest - 1)
		f.at(1, both, both, "a", "b", "c", "d")
		f.pass(1)
	}
	done := Lists{Current: listBCD}
	f.at(2, done, done, "a", "b", "c", "d")
	if _, ok := f.rolls["a"].Deadline(); ok {
		t.Error("a timer runs")
	}
	if got := f.rolls["a"].Problem(); !strings.Contains(got, "not among the voters") {
		t.Errorf("problem %q", got)
	}
}

func TestRollBegins(t *testing.T) {
	f := newFleet(t)
	done := Lists{Current: listABC}
	f.start(nil, listABC, "a", "b")
	f.pass(time.Hour)
	f.at(0, Lists{}, Lists{Staged: listABC}, "a", "b")
	f.start(nil, listBCD, "c") // a file that differs
	f.at(0, Lists{}, Lists{Staged: listABC}, "a", "b")
	if got := f.rolls["a"].Problem(); !strings.Contains(got, "the file of c") {
		t.Errorf("problem %q", got)
	}
	f.rolls["a"].Gone("c") // its file can't be reloaded: it is waited for, or to be forgotten
	if got := f.rolls["a"].Problem(); got != "" {
		t.Errorf("problem %q though c is gone", got)
	}
	f.load(listABC, "c")
	f.at(1, done, done, "a", "b", "c")

	t.Run("without one that is gone", func(t *testing.T) {
		f := newFleet(t)
		f.start(nil, listABC, "a", "b")
		if err := f.rolls["a"].Forget("c"); err != nil {
			t.Fatal(err)
		}
		f.talk()
		f.at(1, done, done, "a", "b")
	})
	// 4 and 5 of the documentation: a majority of the new list, while the others
	// don't know of it.
	t.Run("not beside a list in force", func(t *testing.T) {
		f := newFleet(t)
		f.start(running, listABC, "a", "b", "c")
		f.mute = "abc"
		f.start(nil, listCDE, "d", "e")
		f.pass(time.Hour)
		f.at(0, Lists{}, Lists{Staged: listCDE}, "d", "e")
		f.mute = "ab"
		f.talk()
		f.at(1, done, Lists{Current: listABC, Staged: listCDE}, "d", "e")
	})
}

func TestRollAdopts(t *testing.T) {
	sealed := &Saved{Generation: 4, Current: listABC, Staged: listBCD, Sealed: true}
	both := Lists{Current: listABC, Staged: listBCD, Sealed: true}
	done := Lists{Current: listBCD}
	t.Run("what others are sealed for", func(t *testing.T) {
		f := newFleet(t)
		f.start(sealed, listBCD, "b")
		f.start(nil, listABC, "c")
		f.at(4, both, both, "b", "c")
		if got := f.rolls["c"].Problem(); !strings.Contains(got, "is bound, comes first") {
			t.Errorf("problem %q", got)
		}
	})
	t.Run("what is complete", func(t *testing.T) {
		f := newFleet(t)
		f.start(sealed, listBCD, "a", "b")
		f.start(&Saved{Generation: 6, Current: listBCD}, listBCD, "c")
		f.at(6, done, done, "a", "b", "c")
	})
	t.Run("not what is staged alone", func(t *testing.T) {
		f := newFleet(t)
		f.start(&Saved{Generation: 4, Current: listABC, Staged: listBCD}, listBCD, "b")
		f.start(nil, listABC, "c")
		old := Lists{Current: listABC}
		f.at(4, old, old, "c")
	})
	t.Run("a list that one of its generation is sealed for", func(t *testing.T) {
		f := newFleet(t)
		f.start(&Saved{Generation: 4, Current: listABC}, listABC, "c")
		f.start(sealed, listBCD, "b")
		f.at(4, Lists{Current: listABC}, Lists{Current: listABC, Staged: listBCD}, "c")
		err := f.rolls["c"].Configure(f.now, listCDE)
		if way, ok := errors.AsType[*UnderWayError](err); !ok || !way.To.same(listBCD) || !strings.Contains(err.Error(), "waits for a, d") {
			t.Errorf("%v", err)
		}
	})
}

func TestRollChangesItsMind(t *testing.T) {
	f := newFleet(t)
	f.start(running, listABC, "a", "b", "c")
	f.start(nil, listBCD, "d")
	old, both := Lists{Current: listABC}, Lists{Current: listABC, Staged: listBCD}
	f.load(listBCD, "a", "b", "c")
	f.at(1, both, both, "a", "b", "c", "d")
	f.pass(longest - 1)
	f.load(listABC, "a") // all had agreed
	f.at(1, old, old, "a")
	f.at(1, old, both, "b", "c", "d")
	f.load(listBCD, "a")
	f.pass(longest - 1) // counts anew
	f.at(1, both, both, "a", "b", "c", "d")
	f.pass(1)
	both.Sealed = true
	f.at(1, both, both, "a", "b", "c", "d")
	for _, file := range []List{listABC, listCDE} {
		err := f.rolls["a"].Configure(f.now, file)
		if _, ok := errors.AsType[*UnderWayError](err); !ok {
			t.Errorf("%v: %v", file, err)
		}
	}
	f.load(listBCD, "a")
	f.pass(longest)
	f.at(2, Lists{Current: listBCD}, Lists{Current: listBCD}, "a")
	if err := f.rolls["b"].Configure(f.now, List{[]string{"x", "y", "z"}, longest}); !errors.Is(err, ErrNobodyStays) {
		t.Errorf("%v", err)
	}
	f.load(listABC, "b")
}

func TestRollForgets(t *testing.T) {
	f := newFleet(t)
	f.start(running, listABC, "a", "b", "c")
	forget := func(by, node string, want error) {
		t.Helper()
		if err := f.rolls[by].Forget(node); !errors.Is(err, want) {
			t.Errorf("%s: %v", node, err)
		}
		f.talk()
	}
	forget("a", "c", ErrNoChange)
	next := List{[]string{"a", "b", "e"}, longest}
	f.start(nil, next, "e")
	f.load(next, "a", "b")
	delete(f.rolls, "c")
	forget("a", "x", ErrNoVoter)
	forget("a", "a", ErrThere)
	forget("a", "c", ErrThere)
	f.rolls["a"].Gone("c")
	forget("a", "c", nil)
	if got := f.rolls["b"].Waits(); slices.Contains(got, "c") {
		t.Errorf("waits for %v", got)
	}
	f.pass(longest)
	f.pass(longest)
	f.at(2, Lists{Current: next}, Lists{Current: next}, "a", "b", "e")
	f.start(running, listABC, "c") // it is there again
	f.at(2, Lists{Current: next}, Lists{Current: next, Staged: listABC}, "c")
	if got := f.rolls["c"].Problem(); !strings.Contains(got, "other voters") {
		t.Errorf("problem %q", got)
	}
}

// Being ready takes as long after a start, since a former life's leases may run.
func TestRollStartsAnew(t *testing.T) {
	f := newFleet(t)
	f.start(running, listABC, "a", "b")
	f.start(running, listABC, "c")
	next := List{listABC.Voters, 2 * longest}
	f.load(next, "a", "b", "c")
	f.pass(2 * longest)
	both := Lists{Current: listABC, Staged: next, Sealed: true}
	f.at(1, both, both, "a", "b", "c")
	f.pass(longest)
	f.start(f.disks["b"], next, "b")
	f.pass(2*longest - 1)
	f.at(1, both, both, "a", "b", "c")
	f.pass(1)
	f.at(2, Lists{Current: next}, Lists{Current: next}, "a", "b", "c")
}

// Nothing is in force before it is on disk.
func TestRollWritesFirst(t *testing.T) {
	r, err := NewRoll("a", running, List{[]string{"a"}, longest}, boot)
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{T: t, rolls: map[string]*Roll{"a": r}}
	old := Lists{Current: listABC}
	for range 3 {
		f.at(1, old, old, "a")
		if report := r.Report(); !report.Staged.IsZero() {
			t.Fatalf("%+v", report)
		}
		r.Step(boot.Add(time.Hour))
		if _, ok := r.Deadline(); ok {
			t.Fatal("a timer runs")
		}
	}
	saved, ok := r.Pending()
	if !ok {
		t.Fatal("nothing is pending")
	}
	r.Wrote(boot, saved)
	f.at(1, old, Lists{Current: listABC, Staged: r.file}, "a")
}

// A process that ends between the writing of a completed change and Wrote has completed
// it, though nobody else is there to tell it so.
func TestRollBeginsWithWhatWasWritten(t *testing.T) {
	list, lone := List{[]string{"a", "b", TableName("t")}, longest}, List{[]string{"a"}, 2 * longest}
	f := newFleet(t)
	f.start(&Saved{Generation: 1, Current: list}, lone, "a")
	r := f.rolls["a"]
	if err := r.Forget("b"); err != nil {
		t.Fatal(err)
	}
	f.talk()
	f.pass(2 * longest)
	r.TableSealed(f.now)
	both := Lists{Current: list, Staged: lone, Sealed: true}
	f.at(1, both, both, "a")
	r.Step(f.now.Add(2 * longest))
	written, ok := r.Pending()
	if !ok || written.Generation != 2 {
		t.Fatalf("%+v is to be written", written)
	}
	f.at(1, both, both, "a")
	f.start(&written, lone, "a")
	f.at(2, Lists{Current: lone}, Lists{Current: lone}, "a")
	if _, ok := f.rolls["a"].Pending(); ok {
		t.Fatal("something is left to be done")
	}
}

func TestRollRefuses(t *testing.T) {
	for name, s := range map[string]*Saved{
		"no list in force":    {Generation: 1},
		"a list of no change": {Current: listABC},
		"nothing staged":      {Generation: 1, Current: listABC, Sealed: true},
		"nothing changes":     {Generation: 1, Current: listABC, Staged: listABC},
		"twice":               {Generation: 1, Current: List{[]string{"a", "a"}, longest}},
		"no time":             {Staged: List{[]string{"a"}, 0}},
		"nobody is forgotten": {Staged: listABC, Forgotten: []string{""}},
		"the last generation": {Generation: 1<<64 - 1, Current: listABC},
		"too many":            {Staged: List{make([]string, most+1), longest}},
	} {
		if _, err := NewRoll("a", s, listABC, boot); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewRoll("", nil, List{}, boot); err == nil {
		t.Error("no node and no voters: taken")
	}
	r, err := NewRoll("a", nil, listABC, boot)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Heard(boot, "a", Report{}); !errors.Is(err, ErrStranger) {
		t.Errorf("its own: %v", err)
	}
	if r.Heard(boot, "b", Report{Ready: true}) == nil || r.Configure(boot, List{}) == nil {
		t.Error("taken")
	}
}

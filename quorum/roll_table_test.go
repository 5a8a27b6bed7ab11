// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"slices"
	"testing"
)

var (
	listABt = List{[]string{"a", "b", "table t"}, longest}
	listBCt = List{[]string{"b", "c", "table t"}, longest}
	tabled  = &Saved{Generation: 1, Current: listABt}
)

// Nobody waits for a table as long as all nodes are there.
func TestRollTable(t *testing.T) {
	f := newFleet(t)
	f.start(tabled, listABt, "a", "b")
	f.load(listBCt, "a", "b")
	f.start(nil, listBCt, "c")
	for range 3 {
		f.pass(longest)
	}
	now := Lists{Current: listBCt}
	f.at(2, now, now, "a", "b", "c")
}

// Where a node is forgotten the table must be sealed, for as long as what it
// voted for may run.
func TestRollTableForgotten(t *testing.T) {
	f := newFleet(t)
	f.start(tabled, listABt, "b")
	f.load(listBCt, "b")
	f.start(nil, listBCt, "c")
	if err := f.rolls["b"].Forget("table t"); !errors.Is(err, ErrNoVoter) {
		t.Errorf("a table is forgotten: %v", err)
	}
	if err := f.rolls["b"].Forget("a"); err != nil {
		t.Fatal(err)
	}
	f.talk()
	f.rolls["b"].TableSealed(f.now) // too early: the node isn't
	for range 4 {
		f.pass(longest)
	}
	sealed := Lists{Current: listABt, Staged: listBCt, Sealed: true}
	f.at(1, sealed, sealed, "b", "c")
	if waits := f.rolls["b"].Waits(); !slices.Equal(waits, []string{"table t"}) {
		t.Errorf("it waits for %v", waits)
	}
	f.rolls["b"].TableSealed(f.now)
	if at, ok := f.rolls["b"].Deadline(); !ok || !at.Equal(f.now.Add(longest)) {
		t.Errorf("the next deadline is in %v, %v", at.Sub(f.now), ok)
	}
	f.pass(longest - 1)
	f.at(1, sealed, sealed, "b", "c")
	f.pass(1)
	now := Lists{Current: listBCt}
	f.at(2, now, now, "b", "c")
}

// A table doesn't know what list was in force: some node must stay.
func TestRollTableAlone(t *testing.T) {
	f := newFleet(t)
	f.start(tabled, listABt, "a")
	err := f.rolls["a"].Configure(f.now, List{[]string{"c", "d", "table t"}, longest})
	if !errors.Is(err, ErrNobodyStays) {
		t.Errorf("%v", err)
	}
}

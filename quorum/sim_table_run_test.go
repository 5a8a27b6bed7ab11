// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// tableMutant is a way to break a table as a voter, from outside.
type tableMutant struct {
	blind   bool // a write happens whatever the version is
	atOnce  bool // a lease in the record counts as run out
	forgets bool // terms are forgotten with leases
	ownOnly bool // the record has nothing of resources that the reader's file lacks
	unborn  bool // a record that is new is used at once
	open    bool // it is not sealed
	sinks   bool // what it has forgotten it doesn't remember at all
}

// lists are those that a proxy is given.
func (m tableMutant) lists(lists *Lists) {
	if m.open {
		lists.Sealed = false
	}
}

// before is before a proxy decides.
func (m tableMutant) before(n *simNode, p *simProxy) {
	if m.open && n.roll.disk.Sealed && n.roll.table.IsZero() {
		n.roll.TableSealed(n.local())
	}
	for _, s := range p.slots {
		if m.forgets {
			s.record.Leases = slices.DeleteFunc(s.record.Leases, func(l tableLease) bool { return !s.runs(n.local(), &l) })
			s.record.Terms = slices.DeleteFunc(s.record.Terms, func(t tableTerm) bool {
				return !slices.ContainsFunc(s.record.Leases, func(l tableLease) bool { return l.Resource == t.Resource })
			})
		}
		if m.sinks {
			s.record.Floor = 0
		}
		if m.unborn {
			s.born = time.Time{}
		}
		for k, seen := range s.seen {
			if m.atOnce {
				seen.since = time.Time{}
				s.seen[k] = seen
			}
		}
		if m.ownOnly {
			var own []tableLease
			for _, l := range s.record.Leases {
				for _, r := range n.resources() {
					if l.key() == (key{r.Name, r.Digest()}) {
						own = append(own, l)
					}
				}
			}
			s.record.Leases = own
		}
	}
}

// TestSimulationTable is TestSimulation where a table votes beside two nodes, or
// three: it is slow, it can't be reached, its answers are lost, what is written to it is
// written late and twice, it is read late, and its records are deleted.
func TestSimulationTable(t *testing.T) {
	if *seedFlag != 0 {
		w := simulateWorld(newTableWorld(*seedFlag), *seedFlag, true)
		t.Logf("%s\n", strings.Join(w.log, "\n"))
		if w.wrong != nil {
			t.Error(w.wrong)
		}
		return
	}
	var events, held, grants, seeds, failures, higher, writes, vain, unheard, deleted, forgot uint64
	for seed := uint64(1); seed <= *seedsFlag || events < *eventsFlag; seed++ {
		w := simulateWorld(newTableWorld(seed), seed, false)
		events, held, grants, seeds, higher = events+w.events, held+w.held, grants+w.grants, seeds+1, higher+w.higher
		writes, vain, unheard, deleted, forgot = writes+w.writes, vain+w.vain, unheard+w.unheard, deleted+w.deleted, forgot+w.forgot
		if w.wrong == nil {
			continue
		}
		t.Errorf("%v; replay: go test ./quorum -run 'TestSimulationTable$' -v -seed %d", w.wrong, seed)
		if failures++; failures == 10 {
			break
		}
	}
	t.Logf("%d seeds, %d events, %d of them with a holder, %d leases, %d with a term held to the last; "+
		"tables: %d writes, %d of them unheard of, %d in vain, %d of what has forgotten something, %d times deleted",
		seeds, events, held, grants, higher, writes, unheard, vain, forgot, deleted)
	if grants < seeds || held < events/10 || higher < seeds || min(vain, unheard) < seeds || forgot < seeds || deleted == 0 {
		t.Error("hardly ever did anybody hold a lease, or need the table: this simulation shows nothing")
	}
}

// newTableWorld is a seed's. In every other one tables forget what they can.
func newTableWorld(seed uint64) *simWorld {
	w := newSimWorld(seed, mutant{}, true)
	w.forgetful = seed%2 == 0
	return w
}

// tableMutants are the ways, and seeds that are known to find them.
var tableMutants = []struct {
	name string
	tableMutant
	seeds []uint64
}{
	{"the version is not checked", tableMutant{blind: true}, []uint64{1, 8, 9}},
	{"a lease in it has run out at once", tableMutant{atOnce: true}, []uint64{2, 3, 4}},
	{"its terms are forgotten", tableMutant{forgets: true}, []uint64{8, 16, 30}},
	{"a record for each resource", tableMutant{ownOnly: true}, []uint64{5, 14, 18}},
	{"a new record is used at once", tableMutant{unborn: true}, []uint64{18, 44, 231}},
	{"it is not sealed", tableMutant{open: true}, []uint64{1, 22, 41}},
	{"what was renamed is forgotten", tableMutant{sinks: true}, []uint64{246}},
}

func TestSimulationTableFindsMutants(t *testing.T) {
	for _, test := range tableMutants {
		t.Run(test.name, func(t *testing.T) {
			findMutant(t, test.seeds, func(seed uint64) *simWorld {
				w := newSimWorld(seed, mutant{tables: test.tableMutant}, true)
				w.forgetful = test.sinks
				return simulateWorld(w, seed, false)
			})
		})
	}
}

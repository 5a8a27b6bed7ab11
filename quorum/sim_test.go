// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "run the simulation of this seed alone, and show what happens")
	seedsFlag  = flag.Uint64("seeds", 30, "how many seeds to simulate")
	eventsFlag = flag.Uint64("events", 0, "go on with further seeds until so many events have happened")
	longFlag   = flag.Bool("long", false, "count the seeds that find each mutant, instead of the first")
)

// TestSimulation loses, delays, repeats, cuts, freezes, restarts, reloads and
// hands over at random: never may two nodes answer for an address; once all is
// well, one must.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		w := simulate(*seedFlag, mutant{}, true)
		t.Logf("%s\n", strings.Join(w.log, "\n"))
		if w.wrong != nil {
			t.Error(w.wrong)
		}
		return
	}
	var events, held, grants, seeds, failures, changed, freed, higher uint64
	for seed := uint64(1); seed <= *seedsFlag || events < *eventsFlag; seed++ {
		w := simulate(seed, mutant{}, false)
		events, held, grants, seeds = events+w.events, held+w.held, grants+w.grants, seeds+1
		changed, freed = changed+w.changed, freed+w.freed
		higher += w.higher
		if w.wrong == nil {
			continue
		}
		t.Errorf("%v; replay: go test ./quorum -run 'TestSimulation$' -v -seed %d", w.wrong, seed)
		if failures++; failures == 10 {
			break
		}
	}
	t.Logf("%d seeds, %d events, %d of them with a holder, %d leases, %d with a term held to the last, %d lists of voters, %d nodes freed",
		seeds, events, held, grants, higher, changed, freed)
	if grants < seeds || held < events/10 || higher < seeds {
		t.Error("hardly ever did anybody hold a lease: this simulation shows nothing")
	}
}

// TestSimulationReplays runs seeds of each kind twice.
func TestSimulationReplays(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3, 8} {
		a, b := simulate(seed, mutant{}, true), simulate(seed, mutant{}, true)
		if a.events != b.events || strings.Join(a.log, "\n") != strings.Join(b.log, "\n") {
			t.Errorf("seed %d runs differently the second time", seed)
		}
	}
}

// TestSimulationCountsWhatIsOnDisk has the only node of a list end after it wrote that
// the list is complete, and before that took effect. Its next life begins with it: it is in
// force, and held to what was in force elsewhere.
func TestSimulationCountsWhatIsOnDisk(t *testing.T) {
	before, after := List{[]string{"a"}, time.Second}, List{[]string{"a"}, 2 * time.Second}
	for _, test := range []struct {
		name       string
		written    Saved
		generation uint64
		wrong      bool
	}{
		{"what was in force", Saved{Generation: 1, Current: before}, 1, false},
		{"the next", Saved{Generation: 2, Current: after}, 2, false},
		{"another in its place", Saved{Generation: 1, Current: after}, 1, true},
		{"one that follows none", Saved{Generation: 3, Current: after}, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newSimWorld(1, mutant{}, false)
			w.target, w.inForce, w.suspect, w.stateless = after, []List{{}, before}, [][]string{nil, nil}, []bool{false, false}
			n := w.nodes[0]
			n.file, n.saved = after, &test.written
			n.start()
			if got := w.generation(); got != test.generation || (w.wrong != nil) != test.wrong {
				t.Fatalf("generation %d is in force, not %d; %v", got, test.generation, w.wrong)
			}
			if test.generation == 2 && !w.settled() {
				t.Fatal("the voters are in force, and don't count as such")
			}
		})
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"flag"
	"strings"
	"testing"
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

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"strconv"
	"testing"
)

// scenario is what happens in a world that has settled: the first node holds
// the address. What it must not do is judged afterwards.
type scenario struct {
	name   string
	shapes []shape
	story  func(*world)
}

// both are the usual shapes.
var both = []shape{three, witness}

// Shapes of some scenarios.
var (
	dualStack = []shape{
		three.with(func(s *shape) { s.ipv6 = true }),
		witness.with(func(s *shape) { s.ipv6 = true }),
	}
	twoLANs = []shape{
		three.with(func(s *shape) { s.peerLAN = true }),
		witness.with(func(s *shape) { s.peerLAN = true }),
	}
	holding = []shape{three.with(func(s *shape) { s.onLoss = "hold" })}
	twoNICs = []shape{three.with(func(s *shape) { s.twoNICs = true })}
	four    = []shape{three.with(func(s *shape) { s.members = append([]member{joiner}, s.members...) })}
)

var scenarios = []scenario{
	{"partition, holder alone", both, holderAlone},
	{"partition, holder with another", both, holderNotAlone},
	{"partition, nobody with another", both, allAlone},
	{"partition, nobody with another, on_loss hold", holding, allAloneHold},
	{"one-way, holder deaf", both, holderDeaf},
	{"one-way, holder dumb", both, holderDumb},
	{"freeze the agent", dualStack, freezeAgent},
	{"freeze agent and guardian", dualStack, freezeAll},
	{"kill the agent", dualStack, killAgent},
	{"kill agent and guardian", dualStack, killAll},
	{"its LAN dead, the peer link lives", twoLANs, lanDead},
	{"witness lost", []shape{witness}, witnessLost},
	{"voters restarted one by one", both, votersRestarted},
	{"all voters restarted at once", both, restartStorm},
	{"rolling restart", both, rollingRestart},
	{"a node added, another removed", four, addAndRemove},
	{"second NIC on the LAN", twoNICs, secondInterface},
}

// TestScenarios goes through each scenario some times.
func TestScenarios(t *testing.T) {
	for _, sc := range scenarios {
		for _, sh := range sc.shapes {
			for n := range *runs {
				t.Run(sc.name+"/"+sh.name+"/"+strconv.Itoa(n+1), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, sh)
					w.start()
					sc.story(w)
					w.judge()
				})
			}
		}
	}
}

// TestUnguarded goes through some of it without a guard: the judge sees what is
// wrong with it, and nothing where nothing is.
func TestUnguarded(t *testing.T) {
	bare := three.with(func(s *shape) { s.unguarded = true })
	tests := []struct {
		name  string
		shape shape
		story func(*world)
		bad   bool
	}{
		{"stop", bare, stopped, false},
		{"partition", bare, holderAlone, true},
		{"freeze", bare, freezeLong, true},
		{"kill", bare, killAll, true},
		{"second NIC", bare.with(func(s *shape) { s.twoNICs = true }), secondInterface, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.shape)
			w.start()
			tt.story(w)
			found := w.violations()
			if bad := len(found) > 0; bad != tt.bad {
				t.Errorf("found %q", found)
			}
			t.Logf("%q", found)
		})
	}
}

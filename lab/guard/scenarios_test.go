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
	holding = []shape{
		three.with(func(s *shape) { s.onLoss = "hold" }),
		witness.with(func(s *shape) { s.onLoss = "hold" }),
	}
	twoNICs = []shape{
		three.with(func(s *shape) { s.twoNICs = true }),
		witness.with(func(s *shape) { s.twoNICs = true }),
	}
	joined = []shape{three.with(joining), witness.with(joining)}
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
	{"witness, or third node, lost", both, voterLost},
	{"voters restarted one by one", both, votersRestarted},
	{"all voters restarted at once", both, restartStorm},
	{"rolling restart", both, rollingRestart},
	{"a node added, another removed", joined, addAndRemove},
	{"second NIC on the LAN", twoNICs, secondInterface},
}

// joining gives the shape a node that is not configured yet.
func joining(s *shape) { s.members = append([]member{joiner}, s.members...) }

// TestScenarios goes through each scenario some times.
func TestScenarios(t *testing.T) {
	for _, sc := range scenarios {
		for _, sh := range sc.shapes {
			r := results.row(sc.name, sh.name)
			for n := range *runs {
				t.Run(sc.name+"/"+sh.name+"/"+strconv.Itoa(n+1), func(t *testing.T) {
					t.Parallel()
					results.add(r, false, enact(t, sh, sc.story).judge())
				})
			}
		}
	}
}

// enact goes through a story once, which is not judged yet.
func enact(t *testing.T, sh shape, story func(*world)) *world {
	t.Helper()
	w := newWorld(t, sh)
	w.start()
	story(w)
	return w
}

// TestKeepalived goes through some of it with keepalived, asked by the same
// probers. It has two holders each time: what the scenarios want is not given.
func TestKeepalived(t *testing.T) {
	for _, sc := range []scenario{
		{"partition, holder alone", both, holderAlone},
		{"freeze agent and guardian", both, freezeLong},
		{"kill agent and guardian", both, killAll},
	} {
		for _, sh := range sc.shapes {
			r := results.row(sc.name, sh.name)
			for n := range *runs {
				t.Run(sc.name+"/"+sh.name+"/"+strconv.Itoa(n+1), func(t *testing.T) {
					t.Parallel()
					v := enact(t, sh.with(rivals), sc.story).verdict()
					results.add(r, true, v)
					if v.two == 0 || v.late == 0 {
						t.Errorf("%d instants with two holders, %d late answers: %q", v.two, v.late, v.found)
					}
				})
			}
		}
	}
}

// TestJudge takes the guard away, or the fence alone: the judge sees what is
// wrong then.
func TestJudge(t *testing.T) {
	tests := []struct {
		name  string
		shape shape
		story func(*world)
	}{
		{"no guard, partition", three.with(bare), holderAlone},
		{"no guard, second NIC", twoNICs[0].with(bare), secondInterface},
		{"no fence, freeze", three.with(fenceOff), freezeLong},
		{"no fence, kill", three.with(fenceOff), killAll},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := enact(t, tt.shape, tt.story).verdict()
			if v.two == 0 || v.late == 0 {
				t.Errorf("%d instants with two holders, %d late answers: %q", v.two, v.late, v.found)
			}
			t.Logf("%q", v.found)
		})
	}
}

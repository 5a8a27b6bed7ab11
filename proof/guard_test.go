// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/vip"
)

// guarded has a quorum guard, of which all routers hold the addresses or
// release them when no majority answers.
func guarded(c *config.Config, onLoss config.OnLoss) *config.Config {
	c.Guard = config.Guard{Kind: config.GuardQuorum, OnLoss: onLoss}
	for i := range c.Routers {
		c.Routers[i].OnLoss = onLoss
	}
	return c
}

const (
	fiveVoters = "; 5 voters may lose 2: add nodes or witnesses"
	givesUp    = " voters are gone there is no majority: who holds gives up the addresses, and nobody takes them" + fiveVoters +
		"; or on_loss: hold, if no holder is worse than two"
	keeps = " voters are gone there is no majority: who holds keeps the addresses (on_loss: hold), and if it fails nobody takes them" + fiveVoters
)

func TestMajority(t *testing.T) {
	tests := []struct {
		name string
		cfg  *config.Config
		rows []string // of the pairs
		want []string
	}{
		{
			"two nodes and a witness", guarded(witnessed(cluster(150, 100, 1)), config.OnLossRelease),
			[]string{
				"lb-1 dies + lb-2 dies: dead dead: nobody, then lb-1",
				"lb-1 dies + lb-3 dies: dead 100: nobody, then lb-1",
				"lb-2 dies + lb-3 dies: 150 dead: nobody, then lb-1",
			},
			[]string{"info majority: when 2 of the 3" + givesUp},
		},
		{
			"they hold on", guarded(witnessed(cluster(150, 100, 1)), config.OnLossHold),
			[]string{
				"lb-1 dies + lb-2 dies: dead dead: nobody, then lb-1",
				"lb-1 dies + lb-3 dies: dead 100: lb-2, then lb-1",
				"lb-3 dies + lb-1 dies: dead 100: nobody, then lb-1",
				"lb-2 dies + lb-3 dies: 150 dead: lb-1, then lb-1",
			},
			[]string{"info majority: when 2 of the 3" + keeps},
		},
		{
			"three nodes", guarded(cluster(150, 100, 50), config.OnLossRelease),
			[]string{
				"lb-1 dies + lb-2 dies: dead dead 50: nobody, then lb-1",
				"lb-1 dies + lb-3 dies: dead 100 dead: nobody, then lb-1",
				"lb-2 dies + lb-3 dies: 150 dead dead: nobody, then lb-1",
			},
			[]string{"info majority: when 2 of the 3" + givesUp},
		},
		{
			"four voters are no better", guarded(cluster(150, 100, 50, 40), config.OnLossHold), nil,
			[]string{"info majority: when 2 of the 4" + keeps},
		},
		{"five voters", guarded(cluster(150, 100, 50, 40, 30), config.OnLossRelease), nil, nil},
		{"no guard", witnessed(cluster(150, 100, 1)), []string{"lb-1 dies + lb-2 dies: dead dead: nobody, then lb-1"}, nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := Prove(tc.cfg, Options{Pairs: true})
			if diff := cmp.Diff(tc.want, lines(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.rows, rows(only(t, r).Pairs)); tc.rows != nil && diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
			for _, o := range only(t, r).Outcomes {
				if o.NoMajority {
					t.Errorf("a single failure takes the majority: %s", row(o))
				}
			}
		})
	}
}

// What follows from the number of voters is said once for all routers that mean
// the same by it.
func TestMajorityOfMany(t *testing.T) {
	c := guarded(addRouter(addRouter(cluster(150, 100, 50), "mail", 50, 100, 150), "api", 150, 100, 50), config.OnLossRelease)
	c.Routers[2].OnLoss = config.OnLossHold
	r := Prove(c, Options{Pairs: true})
	if len(r.Problems()) > 0 || len(r.Notes()) > 0 {
		t.Errorf("found %q", lines(r.Findings))
	}
	got := make(map[string][]string)
	for _, f := range r.Findings {
		got[f.Text+"; "+f.Remedy] = f.Routers
	}
	want := map[string][]string{"when 2 of the 3" + givesUp: {"mail", "web"}, "when 2 of the 3" + keeps: {"api"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The death of a witness alone changes nothing, and it is shown.
func TestWitnessDies(t *testing.T) {
	want := []string{
		"lb-1 dies: dead 100: lb-2, then lb-1",
		"lb-2 dies: 150 dead: lb-1, then lb-1",
		"lb-3 dies: 150 100: lb-1, then lb-1",
	}
	e := only(t, Prove(guarded(witnessed(cluster(150, 100, 1)), config.OnLossRelease), Options{}))
	if diff := cmp.Diff(want, rows(e.Outcomes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if dead := e.Outcomes[2].Failures[0].Dead; dead != "lb-3" {
		t.Errorf("%q is dead", dead)
	}
}

// A holder that stays for want of a majority is no fault of the weights.
func TestMinorityHoldsOn(t *testing.T) {
	c := with(cluster(150, 100, 90, 80), "peer", nil, "-120")
	c.Checks[0].Kinds = map[string]checks.Kind{"lb-1": checks.ICMP{Host: "192.0.2.13"}}
	r := Prove(guarded(c, config.OnLossHold), Options{Pairs: true})
	for _, f := range r.Findings {
		if f.Kind != Majority {
			t.Errorf("found %s", line(f))
		}
	}
}

// Routers that differ in on_loss alone are not alike.
func TestOnLossIsTold(t *testing.T) {
	c := guarded(addRouter(cluster(150, 100, 50), "mail", 150, 100, 50), config.OnLossRelease)
	c.Routers[1].OnLoss = config.OnLossHold
	if n := len(Prove(c, Options{}).Elections); n != 2 {
		t.Errorf("%d elections, want 2", n)
	}
}

// By gossip the names decide among equals, and with a guard nothing but who is
// first.
func TestTieByGossip(t *testing.T) {
	c := cluster(100, 100)
	c.Transport.Kind = config.Gossip
	winner := "lb-1"
	if vip.NodeAddress("lb-2", 4).Compare(vip.NodeAddress("lb-1", 4)) > 0 {
		winner = "lb-2"
	}
	const tie = "when all is well: lb-1 and lb-2 have the same priority 100: who is first holds the addresses"
	if got, want := Prove(c, Options{}).Findings[0].Text, tie+", and of those that start together the one with the greater address, "+winner; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	c = guarded(witnessed(cluster(100, 100, 1)), config.OnLossRelease)
	if got := Prove(c, Options{}).Findings[0].Text; got != tie {
		t.Errorf("got %q, want %q", got, tie)
	}
}

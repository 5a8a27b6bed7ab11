// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/config"
)

// tabled has two nodes and a table as the third voter.
func tabled(c *config.Config, onLoss config.OnLoss) *config.Config {
	c = guarded(c, onLoss)
	c.Guard.Table = "vicar-lease"
	return c
}

// Two nodes and a table may lose any one of the three, and no two.
func TestTable(t *testing.T) {
	r := Prove(tabled(cluster(150, 100), config.OnLossRelease), Options{Pairs: true})
	e := only(t, r)
	want := []string{
		"lb-1 dies: dead 100: lb-2, then lb-1",
		"lb-2 dies: 150 dead: lb-1, then lb-1",
		"the table vicar-lease is out of reach: 150 100: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, rows(e.Outcomes)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	for _, o := range e.Outcomes {
		if o.NoMajority {
			t.Errorf("a single failure takes the majority: %s", row(o))
		}
	}
	want = []string{
		"lb-1 dies + lb-2 dies: dead dead: nobody, then lb-1",
		"lb-1 dies + the table vicar-lease is out of reach: dead 100: nobody, then lb-1",
		"lb-2 dies + the table vicar-lease is out of reach: 150 dead: nobody, then lb-1",
	}
	if diff := cmp.Diff(want, rows(e.Pairs)); diff != "" {
		t.Errorf("pairs (-want +got):\n%s", diff)
	}
	want = []string{
		"info majority: when 2 of the 3 voters are gone there is no majority: who holds gives up the addresses, and nobody takes them; " +
			"5 voters may lose 2: add nodes or witnesses in place of the table; or on_loss: hold, if no holder is worse than two",
	}
	if diff := cmp.Diff(want, lines(r.Findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if dead := e.Outcomes[2].Failures[0].Dead; dead != "table vicar-lease" {
		t.Errorf("%q is dead", dead)
	}
}

// A holder that keeps the addresses keeps them without the table, too.
func TestTableHold(t *testing.T) {
	r := Prove(tabled(cluster(150, 100), config.OnLossHold), Options{Pairs: true})
	want := []string{
		"lb-1 dies + lb-2 dies: dead dead: nobody, then lb-1",
		"lb-1 dies + the table vicar-lease is out of reach: dead 100: lb-2, then lb-1",
		"the table vicar-lease is out of reach + lb-1 dies: dead 100: nobody, then lb-1",
		"lb-2 dies + the table vicar-lease is out of reach: 150 dead: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, rows(only(t, r).Pairs)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// clouded moves the router web in a cloud.
func clouded(c *config.Config, weight int) *config.Config {
	c.AWS = &config.AWS{ReadinessWeight: weight}
	c.Routers[0].Move = []config.Mover{{Kind: config.MoveAWSRoute}, {Kind: config.MoveKernel}}
	return c
}

func TestUnready(t *testing.T) {
	const cant = ": it takes the addresses and can't move them in the cloud; "
	patient := func(c *config.Config) *config.Config {
		c.Routers[0].Preempt = false
		return c
	}
	lan := clouded(cluster(150, 100), -30)
	lan.Routers[0].Move = []config.Mover{{Kind: config.MoveKernel}}
	program := clouded(cluster(150, 100), -30)
	program.Routers[0].Move = []config.Mover{{Kind: config.MoveExec}}
	tests := []struct {
		name string
		cfg  *config.Config
		want []string
	}{
		{
			"not enough", clouded(cluster(150, 100), -30),
			[]string{"problem unready: a standby lb-1 that is not ready, 150-30=120, still beats lb-2's 100" + cant + "readiness.weight in aws must be below -50; without the key it is"},
		},
		{"a tie does not preempt", clouded(cluster(150, 100), -50), nil},
		{"enough", clouded(cluster(150, 100), -51), nil},
		{
			"the farthest apart", clouded(cluster(150, 140, 50), -60),
			[]string{"problem unready: a standby lb-1 that is not ready, 150-60=90, still beats lb-3's 50" + cant + "readiness.weight in aws must be below -100; without the key it is"},
		},
		{"two that do not preempt", patient(clouded(cluster(150, 100), -30)), nil},
		{
			"three that do not preempt", patient(clouded(cluster(110, 100, 50), -30)),
			[]string{"note unready: when the holder dies: a standby lb-1 that is not ready, 110-30=80, still beats lb-3's 50" + cant + "readiness.weight in aws must be below -60; without the key it is"},
		},
		{
			"a weight that adds", with(clouded(cluster(100, 60), -30), "local", local("local"), "20"),
			[]string{
				"problem stays: local fails on lb-1: 100 still beats lb-2's 60+20=80; weight must be 41 to 193",
				"problem unready: a standby lb-1 that is not ready, 120-30=90, still beats lb-2's 80" + cant + "readiness.weight in aws must be below -40; without the key it is",
			},
		},
		{"no more than there is", clouded(cluster(254, 1), -253), nil},
		{"by the host alone", lan, nil},
		{
			"by a program", program,
			[]string{"problem unready: a standby lb-1 that is not ready, 150-30=120, still beats lb-2's 100" + cant + "readiness.weight in aws must be below -50; without the key it is"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lines(Prove(tc.cfg, Options{}).Findings)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Routers that move in a cloud and others are not alike.
func TestCloudIsTold(t *testing.T) {
	c := clouded(addRouter(cluster(150, 100), "mail", 150, 100), -30)
	r := Prove(c, Options{})
	if len(r.Elections) != 2 || len(r.Findings) != 1 || !cmp.Equal(r.Findings[0].Routers, []string{"web"}) {
		t.Errorf("%d elections, found %+v", len(r.Elections), r.Findings)
	}
}

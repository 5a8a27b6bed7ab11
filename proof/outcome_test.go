// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

func TestOutcomes(t *testing.T) {
	tests := []struct {
		name string
		cfg  *config.Config
		want []string
	}{
		{"no checks", cluster(150, 100), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
		}},
		{"without preemption", unwilling(cluster(150, 100)), []string{
			"lb-1 dies: dead 100: lb-2, then lb-2",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
		}},
		{"an owner comes back all the same", unwilling(cluster(255, 100)), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 255 dead: lb-1, then lb-1",
		}},
		{"one node", cluster(100), []string{
			"lb-1 dies: dead: nobody, then lb-1",
		}},
		{"negative weight", with(cluster(150, 100), "haproxy", local("haproxy"), "-60"), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
			"haproxy fails on lb-1: 90 100: lb-2, then lb-1",
			"haproxy fails on lb-2: 150 40: lb-1, then lb-1",
		}},
		{"positive weight", with(cluster(150, 100), "haproxy", local("haproxy"), "60"), []string{
			"lb-1 dies: dead 160: lb-2, then lb-1",
			"lb-2 dies: 210 dead: lb-1, then lb-1",
			"haproxy fails on lb-1: 150 160: lb-2, then lb-1",
			"haproxy fails on lb-2: 210 100: lb-1, then lb-1",
		}},
		{"fault", with(cluster(150, 100), "haproxy", local("haproxy"), "fault"), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
			"haproxy fails on lb-1: out 100: lb-2, then lb-1",
			"haproxy fails on lb-2: 150 out: lb-1, then lb-1",
		}},
		{"a file that asks for maintenance", with(cluster(150, 100), "away", checks.File{Path: "/etc/away"}, "60 reverse"), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
			"away passes on lb-1: 90 100: lb-2, then lb-1",
			"away passes on lb-2: 150 40: lb-1, then lb-1",
		}},
		{"equals after the holder", cluster(150, 100, 100), []string{
			"lb-1 dies: dead 100 100: lb-3 or lb-2, then lb-1",
			"lb-2 dies: 150 dead 100: lb-1, then lb-1",
			"lb-3 dies: 150 100 dead: lb-1, then lb-1",
		}},
		{"equals of whom one holds", cluster(100, 100), []string{
			"lb-1 dies: dead 100: lb-2, then lb-2",
			"lb-2 dies: 100 dead: lb-1, then lb-1",
		}},
		{"a witness is none", witnessed(cluster(150, 100, 200)), []string{
			"lb-1 dies: dead 100: lb-2, then lb-1",
			"lb-2 dies: 150 dead: lb-1, then lb-1",
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			e := only(t, Prove(tc.cfg, Options{}))
			if diff := cmp.Diff(tc.want, rows(e.Outcomes)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func unwilling(c *config.Config) *config.Config {
	for i := range c.Routers {
		c.Routers[i].Preempt = false
	}
	return c
}

// witnessed makes the last node a witness.
func witnessed(c *config.Config) *config.Config {
	last := &c.Nodes[len(c.Nodes)-1]
	last.Witness = true
	for _, r := range c.Routers {
		delete(r.Priority, last.Name)
	}
	return c
}

// What moves together is counted together: the group's tracks and those of all
// members, each check once. What is alike is told once.
func TestElections(t *testing.T) {
	c := cluster(150, 100)
	addRouter(addRouter(addRouter(c, "mail", 150, 100), "api", 150, 100), "db", 150, 100)
	c.SyncGroups = []config.SyncGroup{{Name: "edge", Routers: []string{"web", "api"}, Tracks: []track.Track{tracked("haproxy", "-60")}}}
	with(with(c, "haproxy", local("haproxy"), "-60"), "unused", local("unused"), "fault")
	c.Routers[0].Tracks = nil
	c.Routers[2].Tracks = []track.Track{tracked("haproxy", "-60")}

	r := Prove(c, Options{})
	if len(r.Elections) != 2 {
		t.Fatalf("%d elections, want 2: %+v", len(r.Elections), r.Elections)
	}
	edge, others := r.Elections[0], r.Elections[1]
	if diff := cmp.Diff([]string{"api", "web"}, edge.Routers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"edge"}, edge.SyncGroups); diff != "" {
		t.Error(diff)
	}
	want := []string{
		"lb-1 dies: dead 100: lb-2, then lb-1",
		"lb-2 dies: 150 dead: lb-1, then lb-1",
		"haproxy fails on lb-1: 90 100: lb-2, then lb-1",
		"haproxy fails on lb-2: 150 40: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, rows(edge.Outcomes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"db", "mail"}, others.Routers); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:2], rows(others.Outcomes)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPairs(t *testing.T) {
	c := with(cluster(150, 100, 50), "haproxy", local("haproxy"), "-60")
	r := Prove(c, Options{Pairs: true})
	want := []string{
		"lb-1 dies + lb-2 dies: dead dead 50: lb-3, then lb-1",
		"lb-1 dies + lb-3 dies: dead 100 dead: lb-2, then lb-1",
		"lb-1 dies + haproxy fails on lb-2: dead 40 50: lb-3, then lb-1",
		"lb-1 dies + haproxy fails on lb-3: dead 100 1: lb-2, then lb-1",
		"lb-2 dies + lb-3 dies: 150 dead dead: lb-1, then lb-1",
		"lb-2 dies + haproxy fails on lb-1: 90 dead 50: lb-1, then lb-1",
		"lb-2 dies + haproxy fails on lb-3: 150 dead 1: lb-1, then lb-1",
		"lb-3 dies + haproxy fails on lb-1: 90 100 dead: lb-2, then lb-1",
		"lb-3 dies + haproxy fails on lb-2: 150 40 dead: lb-1, then lb-1",
		"haproxy fails on lb-1 + haproxy fails on lb-2: 90 40 50: lb-1, then lb-1",
		"haproxy fails on lb-1 + haproxy fails on lb-3: 90 100 1: lb-2, then lb-1",
		"haproxy fails on lb-2 + haproxy fails on lb-3: 150 40 1: lb-1, then lb-1",
	}
	if diff := cmp.Diff(want, rows(only(t, r).Pairs)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if *r.Pairs != (Pairs{Looked: len(want)}) {
		t.Errorf("%+v, want %d looked at", *r.Pairs, len(want))
	}
	// With lb-2 dead, or not well, -60 does not reach below lb-3's 50.
	wantFound := []string{
		"problem stays: lb-2 dies, then haproxy fails on lb-1: 150-60=90 still beats lb-3's 50; weight must be below -100",
	}
	if diff := cmp.Diff(wantFound, lines(r.Findings)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r := Prove(c, Options{}); len(r.Findings) > 0 || r.Pairs != nil {
		t.Errorf("without pairs: %v, %+v", lines(r.Findings), r.Pairs)
	}
}

// Whether the one or the other comes first may matter: without preemption the
// first may find another holder.
func TestOrderOfPairs(t *testing.T) {
	c := unwilling(with(cluster(150, 100, 50), "haproxy", local("haproxy"), "fault"))
	got := rows(only(t, Prove(c, Options{Pairs: true})).Pairs)
	want := []string{
		"haproxy fails on lb-1 + haproxy fails on lb-2: out out 50: lb-3, then lb-3",
		"haproxy fails on lb-1 + haproxy fails on lb-3: out 100 out: lb-2, then lb-2",
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Errorf("no %q in %q", w, got)
		}
	}
}

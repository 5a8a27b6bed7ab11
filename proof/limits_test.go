// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/config"
)

// large has 5 nodes, and routers that all differ and track all the checks, of
// which none weighs enough.
func large(routers, count int) *config.Config {
	c := cluster(250, 200, 150, 100, 50)
	for i := range count {
		var kind checks.Kind = checks.TCP{Address: fmt.Sprintf("127.0.0.1:%d", 8000+i/2)}
		if i%2 == 0 {
			kind = checks.TCP{Address: fmt.Sprintf("198.51.100.%d:80", i/4)}
		}
		with(c, fmt.Sprintf("c%02d", i), kind, fmt.Sprint(1-2*(i%2)))
	}
	for i := 1; i < routers; i++ {
		addRouter(c, fmt.Sprintf("r%03d", i), uint8(250-i%40), uint8(200-i/40), 150, 100, 50)
		c.Routers[i].Tracks = c.Routers[0].Tracks
	}
	return c
}

// Pairs are many. Those that are too many are counted.
func TestTooManyPairs(t *testing.T) {
	r := Prove(large(3, 50), Options{Pairs: true})
	pairs := 0
	for _, e := range r.Elections {
		pairs += len(e.Pairs)
	}
	if len(r.Elections) != 3 || r.Pairs.Looked != maxPairs || r.Pairs.Skipped == 0 || pairs < maxPairs {
		t.Errorf("%d elections, %+v, %d outcomes", len(r.Elections), *r.Pairs, pairs)
	}
}

// One finding for a check in a router, however many failures it is part of.
func TestFindingsAreBounded(t *testing.T) {
	r := Prove(large(3, 20), Options{})
	if len(r.Findings) != 3*20 {
		t.Errorf("%d findings, want one for each router and check", len(r.Findings))
	}
	for _, f := range r.Findings {
		if f.Kind != Stays || f.Severity != Problem && f.Severity != Note {
			t.Errorf("found %s", line(f))
		}
	}
}

// The size that is promised to take well under a second.
func BenchmarkProve(b *testing.B) {
	c := large(250, 50)
	for b.Loop() {
		if r := Prove(c, Options{}); len(r.Elections) != 250 {
			b.Fatalf("%d elections", len(r.Elections))
		}
	}
}

func BenchmarkPairs(b *testing.B) {
	c := large(1, 50)
	for b.Loop() {
		if r := Prove(c, Options{Pairs: true}); r.Pairs.Looked == 0 {
			b.Fatal("no pairs")
		}
	}
}

// What is empty is an empty list in JSON.
func TestNoRouters(t *testing.T) {
	got, err := json.Marshal(Prove(&config.Config{}, Options{}))
	if want := `{"elections":[],"findings":[]}`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

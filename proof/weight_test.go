// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The weight that a finding asks for is compared with what becomes of the
// configuration with every weight there is.
func TestRemedies(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	tried := make(map[string]int)
	for range 120 {
		c := cluster(uint8(1+rng.IntN(254)), uint8(1+rng.IntN(254)), uint8(1+rng.IntN(254)))
		sign := 1 - 2*rng.IntN(2)
		with(c, "it", local("it"), fmt.Sprint(sign*(1+rng.IntN(60))))
		with(c, "other", local("other"), fmt.Sprint([]int{-100, -20, 20, 100}[rng.IntN(4)]))
		report := Prove(c, Options{})
		i := slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Kind == Stays && f.Check == "it" })
		if i < 0 {
			continue
		}
		well := only(t, report).Well
		what := report.Findings[i].Failures[0].What
		low, high := 0, 0
		for amount := 1; amount <= 253; amount++ {
			c.Routers[0].Tracks[0].Weight = sign * amount
			e := only(t, Prove(c, Options{}))
			o := e.Outcomes[slices.IndexFunc(e.Outcomes, func(o Outcome) bool { return o.Failures[0].What == what })]
			if o.Moves && e.Well.Holder == well.Holder && len(e.Well.Tied) <= len(well.Tied) {
				if low == 0 {
					low = amount
				}
				high = amount
			}
		}
		want, kind := amountsWord(sign, low, high)
		tried[kind]++
		if remedy := report.Findings[i].Remedy; !strings.HasPrefix(remedy, want) {
			t.Errorf("priorities %v, tracks %v: remedy %q, want %q", c.Routers[0].Priority, c.Routers[0].Tracks, remedy, want)
		}
	}
	for _, kind := range []string{"none", "below", "above", "between"} {
		if tried[kind] == 0 && kind != "above" {
			t.Errorf("no remedy of the kind %s was tried: %v", kind, tried)
		}
	}
}

func amountsWord(sign, low, high int) (text, kind string) {
	switch {
	case low == 0:
		return "no weight can", "none"
	case low == high:
		return fmt.Sprintf("weight must be %d", sign*low), "one"
	case high < 253 && sign < 0:
		return fmt.Sprintf("weight must be -%d to -%d", high, low), "between"
	case high < 253:
		return fmt.Sprintf("weight must be %d to %d", low, high), "between"
	case sign < 0:
		return fmt.Sprintf("weight must be below -%d", low-1), "below"
	}
	return fmt.Sprintf("weight must be above %d", low-1), "above"
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"

	"github.com/vicar-ha/vicar/config"
)

// Options are what is asked for.
type Options struct {
	Pairs bool // pairs of failures, too
}

// Prove foretells what becomes of a configuration's routers.
func Prove(c *config.Config, opts Options) Report {
	units := unitsOf(c)
	m := newModel(c, units)
	found := &findings{list: []Finding{}}
	witnesses(c, found)
	for i := range units {
		m.flaps(units, i, found)
	}
	report := Report{Elections: []Election{}}
	if opts.Pairs {
		report.Pairs = &Pairs{}
	}
	for _, e := range m.elections(units) {
		j := judge{election: e, found: found, said: make(map[string]bool)}
		report.Elections = append(report.Elections, j.foretell(report.Pairs))
	}
	report.Findings = found.sorted()
	return report
}

// elections puts units together that are alike.
func (m *model) elections(units []unit) []*election {
	var all []*election
	index := make(map[string]int)
	for _, u := range units {
		key := u.alike(m)
		i, known := index[key]
		if known {
			all[i].units = append(all[i].units, u)
			continue
		}
		index[key] = len(all)
		all = append(all, newElection(m, u))
	}
	return all
}

// foretell plays an election's failures. Pairs is nil if they are not wanted.
func (j *judge) foretell(pairs *Pairs) Election {
	shown := Election{Routers: j.routers(), SyncGroups: j.groups(), Preempt: j.preempt}
	shown.Well = j.result(nil, j.well, j.holder, j.tied)
	j.whenWell()
	for _, start := range j.starts {
		for _, h := range j.hits {
			s := j.last(start, h)
			j.afterStep(s)
			if start == j.holder {
				shown.Outcomes = append(shown.Outcomes, j.outcome(s))
			}
		}
	}
	if pairs != nil {
		shown.Pairs = j.pairs(pairs)
	}
	return shown
}

// witnesses finds those that could hold.
func witnesses(c *config.Config, found *findings) {
	for _, n := range c.Nodes {
		for _, r := range c.Routers {
			if p, has := r.Priority[n.Name]; n.Witness && has && p != 0 {
				found.add(Finding{
					Kind: Witness, Severity: Problem,
					Text:   fmt.Sprintf("%s is a witness and has priority %d: it would hold the addresses when the others are gone", n.Name, p),
					Remedy: "remove its priority",
				}, []string{r.Name})
			}
		}
	}
}

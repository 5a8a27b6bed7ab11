// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"text/tabwriter"
	"time"
)

// table is what came of all runs, by scenario. Its methods may be called at any
// time by anyone.
type table struct {
	mu   sync.Mutex
	rows []*row // in the order of their scenarios
}

// row is what came of a scenario's runs in a shape.
type row struct {
	scenario, shape string
	vicar, rival    []verdict
}

// row is the scenario's row, which stands where it was first asked for.
func (t *table) row(scenario, shape string) *row {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := slices.IndexFunc(t.rows, func(r *row) bool { return r.scenario == scenario && r.shape == shape })
	if at < 0 {
		at = len(t.rows)
		t.rows = append(t.rows, &row{scenario: scenario, shape: shape})
	}
	return t.rows[at]
}

// add adds a run.
func (t *table) add(r *row, rival bool, v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rival {
		r.rival = append(r.rival, v)
	} else {
		r.vicar = append(r.vicar, v)
	}
}

// write writes the table, if there is anything in it.
func (t *table) write(out io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := slices.DeleteFunc(slices.Clone(t.rows), func(r *row) bool { return len(r.vicar)+len(r.rival) == 0 })
	if len(rows) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\t\tvicar\t\t\t\tkeepalived\t\t\t")
	fmt.Fprintln(w, "scenario\tnodes\truns\ttwo\tlate\tgap\truns\ttwo\tlate\tgap")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.scenario, r.shape, cells(r.vicar), cells(r.rival))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	_, err := fmt.Fprintf(out, `two: instants (of 1 ms) with two answering holders, and in how many of the runs.
late: answers of a holder that was frozen, dead or cut off, after its lease of %v.
gap: how long a client was without an answer at most; the runs' median and the worst.
keepalived: it has no leases; what it answers when vicar must not is counted, from the fault to its end.
The seed was -guard.seed %d.
`, term, *seed)
	return err
}

// cells are the columns of some runs.
func cells(list []verdict) string {
	if len(list) == 0 {
		return "\t\t\t"
	}
	two, late, affected := 0, 0, 0
	gaps := make([]time.Duration, 0, len(list))
	for _, v := range list {
		two, late = two+v.two, late+v.late
		if v.two > 0 {
			affected++
		}
		gaps = append(gaps, v.gap)
	}
	slices.Sort(gaps)
	instants := fmt.Sprint(two)
	if two > 0 {
		instants = fmt.Sprintf("%d in %d of %d", two, affected, len(list))
	}
	return fmt.Sprintf("%d\t%s\t%d\t%d, %d ms", len(list), instants, late,
		gaps[(len(gaps)-1)/2].Milliseconds(), gaps[len(gaps)-1].Milliseconds())
}

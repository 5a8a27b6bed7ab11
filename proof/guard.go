// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"slices"
)

// voter is the name of a node that votes, or nothing without a guard.
func (m *model) voter(name string) string {
	if m.voters == 0 {
		return ""
	}
	return name
}

// left is how many voters live after the failures.
func (m *model) left(hits []*hit) int {
	gone := make(map[string]bool, len(hits))
	for _, h := range hits {
		if h.gone != "" {
			gone[h.gone] = true
		}
	}
	return m.voters - len(gone)
}

// kept is who still holds without a majority. Nobody takes over: that needs a
// new lease.
func (e *election) kept(holder int, all []standing) int {
	if e.hold && holder != nobody && all[holder].can() {
		return holder
	}
	return nobody
}

// minority finds that nobody may hold, though somebody could. It follows from the
// number of voters, whatever the weights, so it is said once and names no failure.
func (j *judge) minority(s step) {
	if !slices.ContainsFunc(s.after, standing.can) {
		return
	}
	lost := j.m.voters - s.left
	f := Finding{
		Kind: Majority, Severity: Info,
		Text:   fmt.Sprintf("when %d of the %d voters are gone there is no majority: who holds gives up the addresses, and nobody takes them", lost, j.m.voters),
		Remedy: fmt.Sprintf("%d voters may lose %d: add nodes or witnesses", 2*lost+1, lost),
	}
	if j.m.table != "" {
		f.Remedy += " in place of the table"
	}
	if j.hold {
		f.Text = fmt.Sprintf("when %d of the %d voters are gone there is no majority: who holds keeps the addresses (on_loss: hold), and if it fails nobody takes them", lost, j.m.voters)
	} else {
		f.Remedy += "; or on_loss: hold, if no holder is worse than two"
	}
	j.once(f)
}

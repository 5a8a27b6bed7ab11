// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import "fmt"

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

// minority finds that nobody may hold, though somebody could.
func (j *judge) minority(s step) {
	holder := s.after[s.holder]
	var could []string
	for i, n := range s.after {
		if n.can() {
			could = append(could, j.name(i))
		}
	}
	if len(could) == 0 {
		return
	}
	lost := j.m.voters - s.left
	f := Finding{
		Kind: Majority, Severity: Note, From: s.from, Failures: s.failures(),
		Remedy: fmt.Sprintf("%d voters may lose %d: add nodes or witnesses", 2*lost+1, lost),
	}
	why := fmt.Sprintf(": %d of %d voters %s no majority", s.left, j.m.voters, map[bool]string{true: "is", false: "are"}[s.left == 1])
	if holder.can() {
		f.Text = s.what() + ": " + j.name(s.holder) + " gives up the addresses and nobody takes them" + why
		f.Remedy += "; or on_loss: hold, if no holder is worse than two"
		j.once(f, "gives up")
		return
	}
	f.Text = s.what() + ": nobody holds the addresses, though " + words(could) + verb(could, " lives", " live") + why
	j.once(f, "not taken")
}

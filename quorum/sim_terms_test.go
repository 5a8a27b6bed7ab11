// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"time"
)

// simTerms is the other promise: each lease of a resource has a higher term than
// the one before. It is of worlds whose voters don't change, and as far as voters
// keep their terms on disk, which is written after they have answered.
type simTerms struct {
	terms  map[string]uint64 // the last, by the resource's name
	since  time.Duration     // what voters accepted before is not kept everywhere
	fell   bool
	higher uint64 // leases that had to have a higher term, and had
}

// begins holds a lease just granted to the promise.
func (w *simWorld) begins(resource string, term uint64) {
	if w.changes || w.now < w.since || !w.mutant.ofTerms() {
		return
	}
	if w.terms == nil {
		w.terms = map[string]uint64{}
	}
	last, ok := w.terms[resource]
	w.terms[resource] = term
	switch {
	case !ok:
	case term > last:
		w.higher++
	case w.wrong == nil:
		w.fell = true
		w.wrong = fmt.Errorf("at %v term %d of %s follows %d", w.now, term, resource, last)
	}
}

// keepTerms writes the voter's terms, if there are others than on disk.
func (n *simNode) keepTerms() {
	taken := n.voter.Taken()
	if taken == n.keptTo {
		return
	}
	terms := n.voter.Terms()
	n.w.after(n.w.between(0, 10*time.Millisecond), n, func() {
		if taken > n.keptTo {
			n.kept, n.keptTo = terms, taken
		}
	})
}

// forgetTerms is when the process ends. A lease that was accepted just before may
// begin within its time.
func (n *simNode) forgetTerms() {
	if n.voter != nil && n.voter.Taken() != n.keptTo {
		n.w.terms, n.w.since = nil, n.w.now+2*n.w.lease
	}
}

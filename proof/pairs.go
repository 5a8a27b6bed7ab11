// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import "slices"

// maxPairs is how many pairs of failures are looked at in a configuration.
const maxPairs = 20_000

// pairs plays the failures two by two, one after the other, in both orders.
func (j *judge) pairs(count *Pairs) []Outcome {
	var all []Outcome
	for i, a := range j.hits {
		for _, b := range j.hits[i+1:] {
			if a.covers(b) || b.covers(a) {
				continue
			}
			if count.Looked == maxPairs {
				count.Skipped++
				continue
			}
			count.Looked++
			ab, ba := j.last(j.holder, a, b), j.last(j.holder, b, a)
			j.afterStep(ab)
			all = append(all, j.outcome(ab))
			j.afterStep(ba)
			if ab.next != ba.next {
				all = append(all, j.outcome(ba))
			}
		}
	}
	return all
}

// covers tells whether the other failure changes nothing that this one has not
// changed already.
func (h *hit) covers(o *hit) bool {
	if o.dead != nobody && o.dead != h.dead {
		return false
	}
	if o.gone != "" && o.gone != h.gone {
		return false
	}
	if o.link != "" && o.down != h.dead && (h.link != o.link || h.down != o.down) {
		return false
	}
	return !slices.ContainsFunc(o.turns, func(p place) bool {
		return p.node != h.dead && !slices.Contains(h.turns, p)
	})
}

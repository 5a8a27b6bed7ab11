// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import "time"

// vain keeps a holder from giving up again and again for a node that asks for
// the resource and then does not get it, as too few voters may hear that one.
type vain struct {
	to    string    // who asked for it,
	gave  time.Time // and was given way; zero: nobody
	count int       // how often it came back at once, in a row
	until time.Time // nobody who asks is given way before
}

// What comes back within vainAfter without that node having had it was handed
// over in vain. Then nobody is given way for vainFirst, doubled each time up to
// vainLast.
const (
	vainAfter = 5 * time.Second
	vainFirst = 10 * time.Second
	vainLast  = 5 * time.Minute
)

// holds notes that a node holds the resource: nothing was in vain if it asked.
func (v *vain) holds(node string) {
	if v.to == node {
		*v = vain{}
	}
}

// back notes that the resource is here again, and tells whether it was handed
// over in vain.
func (v *vain) back(now time.Time) bool {
	gave := v.gave
	v.gave = time.Time{}
	if gave.IsZero() || now.Sub(gave) >= vainAfter {
		return false
	}
	v.until = now.Add(min(vainFirst<<min(v.count, 10), vainLast))
	v.count++
	return true
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"

	"github.com/vicar-ha/vicar/track"
)

// A node that could not take over in its cloud loses config.Watch.Weight while it
// is a standby. That is no failure of the model: it takes nothing from a holder.
// What is looked at is whether it is enough.

// unready finds that a node which is not ready would still be before one that is.
func (j *judge) unready() {
	if !j.cloud {
		return
	}
	weight := j.m.config.Watch().Weight
	worse, better, most := nobody, nobody, 0
	for _, a := range j.candidates() {
		for _, b := range j.candidates() {
			ahead := total(j.well[a]) - int(j.well[b].Priority)
			if a == b || !j.well[a].can() || !j.well[b].can() || j.base[a] == track.OwnerPriority || ahead <= most {
				continue
			}
			if most = ahead; less(j.well[a], weight) > int(j.well[b].Priority) {
				worse, better = a, b
			}
		}
	}
	if worse == nobody || !j.preempt && len(j.candidates()) < 3 {
		return
	}
	f := Finding{
		Kind: Unready, Severity: Problem,
		Text: fmt.Sprintf("a standby %s that is not ready, %d%+d=%d, still beats %s's %d: it takes the addresses and can't move them in the cloud",
			j.name(worse), total(j.well[worse]), weight, less(j.well[worse], weight), j.name(better), j.well[better].Priority),
		Remedy: fmt.Sprintf("readiness.weight in aws must be below -%d; without the key it is", most),
	}
	if !j.preempt {
		f.Severity = Note
		f.Text = "when the holder dies: " + f.Text
	}
	if most >= track.MaxWeight {
		f.Remedy = "no weight is enough; bring the priorities closer together"
	}
	j.once(f)
}

// total is a standing's priority as far as the weights make it.
func total(s standing) int { return s.Base + added(s) }

// less is the priority with one more weight.
func less(s standing, weight int) int {
	return min(max(total(s)+weight, track.MinPriority), track.MaxPriority)
}

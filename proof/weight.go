// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/vicar-ha/vicar/track"
)

// expression is how a standing's priority comes about: 150-20=130.
func expression(s standing) string {
	total := s.Base
	var b strings.Builder
	fmt.Fprint(&b, s.Base)
	for _, part := range s.Parts {
		if part != 0 {
			fmt.Fprintf(&b, "%+d", part)
			total += part
		}
	}
	switch {
	case len(s.Yielding) > 0:
		return fmt.Sprintf("%s=%d (it yields)", b.String(), track.MinPriority)
	case b.Len() == len(fmt.Sprint(s.Base)):
		return b.String()
	case s.Base == track.OwnerPriority:
		return b.String() + "=255 (an owner's does not move)"
	case total < track.MinPriority:
		return fmt.Sprintf("%s=%d (there is no less)", b.String(), track.MinPriority)
	case total > track.MaxPriority:
		return fmt.Sprintf("%s=%d (there is no more)", b.String(), track.MaxPriority)
	}
	return fmt.Sprintf("%s=%d", b.String(), total)
}

// added is what all checks together add to the standing.
func added(s standing) int {
	sum := 0
	for _, part := range s.Parts {
		sum += part
	}
	return sum
}

// lever is the weight of one track, to try others in its place.
type lever struct {
	e             *election
	k             int // of the track
	before, after []standing
	holder        int // before
}

// try is how the nodes would stand with the weight's amount.
func (l lever) try(all []standing, amount int) []standing {
	t := l.e.tracks[l.k]
	was := t
	t.Weight = amount
	if was.Weight < 0 {
		t.Weight = -amount
	}
	tried := slices.Clone(all)
	for i, s := range all {
		if len(s.Yielding) > 0 {
			continue // whatever the weight
		}
		state := track.Failing
		if was.Part(track.Passing) == s.Parts[l.k] {
			state = track.Passing
		}
		// What the others add is one more track, which counts while it passes.
		rest := track.Track{Weight: added(s) - s.Parts[l.k], Check: "rest"}
		states := map[string]track.State{rest.Check: track.Passing, t.Check: state}
		if rest.Weight < 0 {
			states[rest.Check] = track.Failing
		}
		tried[i].Priority = track.Add(uint8(s.Base), []track.Track{rest, t}, func(t track.Track) track.State { return states[t.Check] }).Priority
	}
	return tried
}

func (l lever) moves(amount int) bool {
	holder, _ := l.e.elect(l.holder, l.try(l.after, amount))
	return holder != l.holder && holder != nobody
}

// keeps tells whether the holder before may be the same with the amount, and no
// tie comes up that is not there now.
func (l lever) keeps(amount int) bool {
	holder, tied := l.e.elect(nobody, l.try(l.before, amount))
	_, now := l.e.elect(nobody, l.before)
	return slices.Contains(append(tied, holder), l.holder) && len(tied) <= len(now)
}

// amounts are the least and the greatest amount of the weight with which the
// failure moves the addresses from the node that holds them before. The greater
// it is, the farther the holder falls behind; but a positive one takes all
// nodes towards 254, where they are equal.
func (l lever) amounts() (low, high int, ok bool) {
	low = 1 + sort.Search(track.MaxWeight, func(i int) bool { return l.moves(i + 1) })
	for low <= track.MaxWeight && !l.keeps(low) {
		low++
	}
	if low > track.MaxWeight {
		return 0, 0, false
	}
	high = low + sort.Search(track.MaxWeight-low, func(i int) bool { return !l.keeps(low + i + 1) })
	return low, high, true
}

// remedy says which weight moves the addresses.
func (l lever) remedy() string {
	low, high, ok := l.amounts()
	negative := l.e.tracks[l.k].Weight < 0
	switch {
	case l.before[l.holder].Base == track.OwnerPriority:
		return "weight: fault takes it out"
	case !ok:
		return "no weight can, since a priority stays within 1 to 254; use weight: fault, or bring the priorities closer together"
	case low == high && negative:
		return fmt.Sprintf("weight must be -%d", low)
	case low == high:
		return fmt.Sprintf("weight must be %d", low)
	case high < track.MaxWeight && negative:
		return fmt.Sprintf("weight must be -%d to -%d", high, low)
	case high < track.MaxWeight:
		return fmt.Sprintf("weight must be %d to %d", low, high)
	case negative:
		return fmt.Sprintf("weight must be below -%d", low-1)
	}
	return fmt.Sprintf("weight must be above %d", low-1)
}

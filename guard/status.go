// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// lately is how long a voter that answered counts as one that answers.
const lately = 3 * time.Second

type statusAsked struct {
	into   *status.Guard
	answer chan<- error
}

func (s statusAsked) handle(l *loop, now time.Time) {
	*s.into = l.status(now)
	s.answer <- nil
}

func (l *loop) status(now time.Time) status.Guard {
	s := status.Guard{MaxLease: l.lists.Current.MaxLease, ClockSlew: clockSlew(), Dropped: l.drops()}
	if l.voter == nil {
		return s
	}
	if silent := l.voter.Silent(); now.Before(silent) {
		s.Silent = silent
	}
	s.Grants = len(l.voter.Grants(now))
	all := append(slices.Clone(l.peers), l.cfg.Node)
	slices.Sort(all)
	for _, name := range all {
		v := status.Voter{
			Name: name, Heard: l.answers[name],
			Current: slices.Contains(l.lists.Current.Voters, name),
			Staged:  slices.Contains(l.lists.Staged.Voters, name),
		}
		v.Answers = !v.Heard.IsZero() && now.Sub(v.Heard) <= lately
		s.Voters = append(s.Voters, v)
	}
	s.Majority = l.majority(s.Voters)
	return s
}

// majority tells whether enough voters of each list have answered lately.
func (l *loop) majority(voters []status.Voter) bool {
	current, staged := 0, 0
	for _, v := range voters {
		if v.Answers && v.Current {
			current++
		}
		if v.Answers && v.Staged {
			staged++
		}
	}
	return current >= l.lists.Current.Majority() &&
		(len(l.lists.Staged.Voters) == 0 || staged >= l.lists.Staged.Majority())
}

// drops are all that was dropped, by reason.
func (l *loop) drops() map[string]uint64 {
	all := maps.Clone(l.dropped.counts)
	if n := l.guard.queue.overflowed(); n > 0 {
		all[dropOverflow] = n
	}
	if l.voter != nil {
		d := l.voter.Dropped()
		for reason, n := range map[string]uint64{dropSilent: d.Silent, dropDrift: d.Drift, dropForeign: d.Foreign} {
			if n > 0 {
				all[reason] += n
			}
		}
	}
	return all
}

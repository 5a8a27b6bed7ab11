// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

type statusAsked struct {
	into   *status.Guard
	answer chan<- error
}

func (s statusAsked) handle(l *loop, now time.Time) {
	*s.into = l.status(now)
	s.answer <- nil
}

func (l *loop) status(now time.Time) status.Guard {
	saved := l.roster.Report().Saved
	s := status.Guard{
		MaxLease: saved.Current.MaxLease, ClockSlew: clockSlew(), Dropped: l.drops(),
		Staged: !saved.Staged.IsZero(), Waits: l.roster.Waits(), Problem: l.problem(&saved),
	}
	if l.voter != nil {
		if silent := l.voter.Silent(); now.Before(silent) {
			s.Silent = silent
		}
		s.Grants = len(l.voter.Grants(now))
	}
	for _, name := range votersOf(quorum.Lists{Current: saved.Current, Staged: saved.Staged}) {
		s.Voters = append(s.Voters, l.voterStatus(now, name, &saved))
	}
	s.Majority = enough(saved.Current, s.Voters) && (saved.Staged.IsZero() || enough(saved.Staged, s.Voters))
	return s
}

func (l *loop) voterStatus(now time.Time, name string, saved *quorum.Saved) status.Voter {
	c := l.contact(name)
	v := status.Voter{
		Name: name, Asked: c.asked, Heard: c.answered, Answers: c.answers(now), Silent: c.silent(now),
		Current:   slices.Contains(saved.Current.Voters, name),
		Staged:    slices.Contains(saved.Staged.Voters, name),
		Forgotten: slices.Contains(saved.Forgotten, name), Denies: l.denied(name),
	}
	same := func(o report) bool {
		return !saved.Staged.IsZero() && o.Generation == saved.Generation && o.Staged.Digest() == saved.Staged.Digest()
	}
	if _, table := quorum.IsTable(name); table {
		l.tableStatus(&v)
		return v
	}
	o, heard := l.roster.heard[name]
	switch {
	case name == l.cfg.Node:
		v.Ready = !saved.Staged.IsZero()
		v.Answers, v.Silent = l.voter != nil && !now.Before(l.voter.Silent()), false
	case heard:
		v.Ready = same(o)
		v.Drift = o.Generation != saved.Generation || o.Current.Digest() != saved.Current.Digest()
	}
	for _, o := range l.roster.heard { // one that forgets tells the others
		v.Forgotten = v.Forgotten || same(o) && slices.Contains(o.Forgotten, name)
	}
	return v
}

// problem is why the list in force isn't the file's, and what to do.
func (l *loop) problem(saved *quorum.Saved) string {
	if err := l.roster.unwritten; err != nil {
		return "the list of voters can't be changed: " + err.Error()
	}
	if p := l.roster.Problem(); p != "" || !saved.Fresh() {
		return p
	}
	return "this node doesn't know which list of voters is in force, so it neither votes nor holds anything: it waits for " +
		strings.Join(l.roster.Waits(), ", ") + " to report one, or, in a new cluster, the same file"
}

// enough tells whether a majority of the list has answered lately.
func enough(list quorum.List, voters []status.Voter) bool {
	n := 0
	for _, v := range voters {
		if v.Answers && slices.Contains(list.Voters, v.Name) {
			n++
		}
	}
	return n >= list.Majority()
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

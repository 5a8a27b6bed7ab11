// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// equip makes sure that u has the candidate that the file wants, or says why it
// has none. Only while nothing of u is held.
func (l *loop) equip(u *unit) string {
	if u.want == nil || !l.cfg.Candidate {
		return quorum.Unknown.String()
	}
	if l.roster.asks.Current.IsZero() {
		return reasonNotReady
	}
	lease := u.want.Lease(l.tableVotes())
	if lease > l.longest() {
		return quorum.TooLong.String()
	}
	want := u.want.quorum()
	if digest := want.Digest(); u.candidate == nil || digest != u.digest {
		l.drop(u)
		c, err := quorum.NewCandidate(quorum.CandidateConfig{
			Node: l.cfg.Node, Start: l.cfg.Start, Resource: want, Lists: l.roster.asks,
			Lease: lease, Renew: u.want.Shortest, Margin: lease / 10, Retry: u.want.retry(),
			Seed: rand.Uint64(), Counter: l.counter,
		})
		if err != nil {
			l.log.Error("a lease can't be asked for", slog.String("resource", u.name), slog.Any("err", err))
			return reasonNotReady
		}
		u.candidate, u.digest = c, digest
	}
	u.cfg, u.lease = *u.want, lease
	return ""
}

// retry is how long answers are waited for at first.
func (r *Resource) retry() time.Duration { return max(1, min(longestRetry, r.Shortest/4)) }

// drop takes u's candidate away. Another one of this life must be above its
// ballots, and knows nothing of a lease that was not given up.
func (l *loop) drop(u *unit) {
	if !u.opened.IsZero() {
		l.shut(u)
	}
	if u.candidate != nil {
		l.counter = max(l.counter, u.candidate.Ballot().Counter)
		u.candidate = nil
	}
}

// longest is the longest lease that voters of both lists grant.
func (l *loop) longest() time.Duration {
	if l.roster.asks.Staged.IsZero() {
		return l.roster.asks.Current.MaxLease
	}
	return min(l.roster.asks.Current.MaxLease, l.roster.asks.Staged.MaxLease)
}

// reconfigure tells u's candidate the lists, and its times if the file has
// others. No candidate is left under other lists than the voter: a change of
// the voters is safe only when all of a node is part of it.
func (l *loop) reconfigure(now time.Time, u *unit) {
	if u.candidate == nil {
		return
	}
	table := l.tableVotes()
	if u.want != nil && u.want.Lease(table) <= l.longest() && u.want.quorum().Digest() == u.digest {
		u.cfg = *u.want
	}
	if lease := u.cfg.Lease(table); lease <= l.longest() {
		u.lease = lease
		l.step(now, u, quorum.Reconfigure{Lists: l.roster.asks, Lease: lease, Renew: u.cfg.Shortest, Margin: u.margin()})
		return
	}
	u.digest = quorum.Digest{} // equip makes another
	switch u.phase {
	case held, unconfirmed:
		l.revoke(now, u, u.fenceUntil(), quorum.TooLong.String(), "")
	case asking:
		l.restart(now, u)
	case idle:
		l.step(now, u, quorum.Stop{})
	}
}

// restart has a claim that isn't granted asked for anew: what it needs has
// changed.
func (l *loop) restart(now time.Time, u *unit) {
	l.step(now, u, quorum.GiveUp{})
	l.begin(now, u, quorum.Ballot{})
}

// applyResources takes the resources of another file.
func (l *loop) applyResources(now time.Time) {
	for _, u := range l.units {
		u.want = nil
	}
	for i := range l.cfg.Resources {
		r := &l.cfg.Resources[i]
		l.unit(r.Name).want = r
	}
	for _, u := range l.units {
		l.reconfigure(now, u)
		switch {
		case u.phase == asking && (u.unasked || !l.fits(u)):
			l.restart(now, u)
		case u.phase == idle && u.want == nil:
			l.drop(u)
		}
	}
}

// fits tells whether u's candidate is the one that the file wants.
func (l *loop) fits(u *unit) bool {
	return u.candidate != nil && u.want != nil && u.want.quorum().Digest() == u.digest
}

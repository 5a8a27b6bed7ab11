// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// equip makes sure that u has the candidate that the file wants, or says why it
// has none. Only while nothing of u is held.
func (l *loop) equip(u *unit) string {
	if u.want == nil || !l.cfg.Candidate {
		return quorum.Unknown.String()
	}
	if l.voter == nil {
		return reasonNotReady
	}
	want := u.want.quorum()
	if digest := want.Digest(); u.candidate == nil || digest != u.digest {
		l.drop(u)
		c, err := quorum.NewCandidate(quorum.CandidateConfig{
			Node: l.cfg.Node, Start: l.cfg.Start, Resource: want, Lists: l.lists,
			Lease: u.want.Lease(), Renew: u.want.Shortest, Margin: u.want.margin(), Retry: u.want.retry(),
			Seed: rand.Uint64(), Counter: l.counter,
		})
		if err != nil {
			l.log.Error("a lease can't be asked for", slog.String("resource", u.name), slog.Any("err", err))
			return reasonNotReady
		}
		u.candidate, u.digest = c, digest
	}
	u.cfg = *u.want
	return ""
}

// retry is how long answers are waited for at first.
func (r *Resource) retry() time.Duration { return max(1, min(longestRetry, r.Shortest/4)) }

// drop takes u's candidate away. Another one of this life must be above its
// ballots.
func (l *loop) drop(u *unit) {
	if u.candidate != nil {
		l.counter = max(l.counter, u.candidate.Ballot().Counter)
		u.candidate = nil
	}
}

// reconfigure tells u's candidate the lists and its times.
func (l *loop) reconfigure(now time.Time, u *unit) {
	if u.candidate == nil {
		return
	}
	if u.want != nil && u.want.quorum().Digest() == u.digest {
		u.cfg = *u.want
	}
	l.step(now, u, quorum.Reconfigure{Lists: l.lists, Lease: u.cfg.Lease(), Renew: u.cfg.Shortest, Margin: u.cfg.margin()})
}

// tidy forgets what is neither in the file nor claimed.
func (l *loop) tidy(u *unit) {
	if u.want != nil || u.phase != idle {
		return
	}
	l.drop(u)
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
	for _, u := range slices.Clone(l.units) {
		l.reconfigure(now, u)
		changed := u.candidate == nil || u.want == nil || u.want.quorum().Digest() != u.digest
		if u.phase == asking && changed {
			l.restart(now, u)
		}
		l.tidy(u)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// trust counts a claim as held though the cloud does not show it, since it can't be
// asked, and tells whether it did. A holder that gave up for that would leave the
// address with nobody: the cloud goes on sending packets here, and another node,
// which can't ask either, can't change that. What speaks for it is, for each object,
// one of these:
//
//   - A write that takes it was accepted in this term, and for the rest of the budget
//     the cloud could not be asked to show it.
//   - It was held in the term that this one follows (vip.Claim): when voters learn
//     of another address, or a lease comes too late, a holder goes on in a new term.
//   - In the first term of the process's life the node's metadata shows it: an agent
//     that is started again does not know what it has. In later terms that would
//     prove too little. The metadata lags, and shows an address for seconds after
//     another node has taken it, which is when a node that lost the election to that
//     one may be the holder again. Between two lives more time passes: a start takes
//     a while, and then the others are listened to first.
//
// Only an Unavailable is an outage. Who is denied, or is told that another has it,
// was answered. Throttled is an answer to a write, too, but not to who only wants to
// see what was accepted.
//
// Watch looks at it more often than at Config.Poll until the cloud answers, and what
// is another's then is taken back.
func (m *Mover) trust(ctx context.Context, c vip.Claim, err error) bool {
	answer, ok := errors.AsType[*Error](err)
	if !ok || errors.Is(err, ErrSuperseded) {
		return false
	}
	unproven, accepted, first := m.journal.unproven(c.Router)
	if answer.Kind != Unavailable && (answer.Kind != Throttled || !accepted) {
		return false
	}
	if len(unproven) > 0 && (!first || !m.shown(ctx, unproven)) || ctx.Err() != nil {
		return false
	}
	now := m.cfg.Now()
	m.journal.trust(c.Router, now, now.Add(m.spread(m.cfg.Attempt)), err)
	m.cfg.Log.Warn("the cloud can't be asked; what this node had already counts as held", slog.String("router", c.Router),
		slog.String("mover", m.Kind()), slog.Uint64("term", c.Term), slog.Any("err", err))
	return true
}

// shown tells whether the node's metadata shows all of the objects.
func (m *Mover) shown(ctx context.Context, objects []Object) bool {
	reflector, ok := m.cfg.Provider.(Reflector)
	if !ok {
		return false
	}
	attempt, cancel := context.WithTimeout(ctx, m.cfg.Attempt/2)
	defer cancel()
	has, err := reflector.Reflected(attempt, objects)
	return err == nil && len(has) == len(objects) && !slices.Contains(has, false)
}

// unproven are the objects of which nothing tells that they are this node's. accepted
// is that a write was accepted for all, first that the term is the first one.
func (j *journal) unproven(router string) (objects []Object, accepted, first bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	accepted = true
	for _, e := range r.entries {
		accepted = accepted && e.taken
		if !e.taken && !slices.Contains(r.left, e.Object) {
			objects = append(objects, e.Object)
		}
	}
	return objects, accepted, r.first
}

// trust notes that all is held, until a look shows it or something else.
func (j *journal) trust(router string, now, next time.Time, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	for i := range r.entries {
		e := &r.entries[i]
		e.taken, e.held = true, true
		e.Ownership = Ownership{Object: e.Object, Mine: true}
	}
	r.changes++
	r.trusted, r.arrived = true, true
	r.looked, r.poll = now, next
	r.unverified = err.Error()
}

// leave notes what is given up and was this node's.
func (r *record) leave(given func(entry) bool) {
	for _, e := range r.entries {
		if e.held && given(e) && !slices.Contains(r.left, e.Object) {
			r.left = append(r.left, e.Object)
		}
	}
}

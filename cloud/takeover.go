// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// mostBacked is after how many take-backs in a row it is looked at soon; see backs.
const mostBacked = 3

// takeOver writes what is missing and reads it back, again and again, until the
// cloud shows all of it, or an answer that is not passing, or the budget ends.
func (m *Mover) takeOver(ctx context.Context, c vip.Claim) error {
	budget, cancel := context.WithTimeout(ctx, m.cfg.Budget)
	defer cancel()
	retry := retries()
	var last error
	for {
		cautious, err := m.write(budget, c)
		if err == nil {
			err = m.readBack(budget, c)
		} else if !errors.Is(err, ErrSuperseded) && m.journal.unseen(c.Router) && m.looks.take(m.cfg.Now(), looksReserve) {
			_, _ = m.look(budget, c.Router) // how far it has come
		}
		if err == nil {
			m.moved(c)
			return nil
		}
		if m.trust(ctx, c, err) {
			return nil
		}
		if budget.Err() != nil {
			// What the cloud has said tells more than that the time is over.
			return cmp.Or(last, err)
		}
		wait := m.jitter(retry.step())
		respects := cautious && KindOf(err) == Conflict
		switch {
		case respects:
			wait = moment
		case errors.Is(err, ErrSuperseded), !KindOf(err).Passing():
			return err
		}
		if last == nil {
			m.cfg.Log.Warn("the addresses have not moved in the cloud yet, trying on", slog.String("router", c.Router),
				slog.String("mover", m.Kind()), slog.Uint64("term", c.Term), slog.Any("err", err))
		}
		last = err
		if pause(budget, wait) && respects {
			m.journal.embolden(c.Router)
		}
	}
}

// write takes what is missing, in one attempt. cautious is that it did not take
// what another has.
func (m *Mover) write(ctx context.Context, c vip.Claim) (cautious bool, err error) {
	objects, bold := m.journal.missing(c.Router)
	if len(objects) == 0 {
		return false, nil
	}
	steal := bold || m.cfg.Steal == StealAtOnce
	attempt, cancel := context.WithTimeout(ctx, m.cfg.Attempt)
	defer cancel()
	allowed := m.allowed(attempt, c)
	if err := allowed(); err != nil {
		return !steal, err
	}
	err = m.cfg.Provider.Take(attempt, objects, Taking{Steal: steal, Allowed: func() error {
		err := allowed()
		if err == nil {
			m.journal.sent(c.Router, m.cfg.Now())
		}
		return err
	}})
	if partial, ok := errors.AsType[*Partial](err); ok {
		objects = partial.Done
	}
	if _, ok := errors.AsType[*Partial](err); ok || err == nil {
		m.journal.took(c.Router, objects, m.cfg.Now())
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrSuperseded) {
		m.journal.failed(c.Router, err)
		m.looks.answered(m.cfg.Now(), err)
	}
	return !steal, err
}

// readBack looks until the cloud shows all that was written. What it does not
// show for as long as an attempt takes is missing again: somebody else's write
// came after.
func (m *Mover) readBack(ctx context.Context, c vip.Claim) error {
	show, retry := shows(), retries()
	var last error
	for {
		wait := show.step()
		if m.looks.take(m.cfg.Now(), 0) {
			whole, err := m.look(ctx, c.Router)
			if whole {
				return nil
			}
			if err != nil {
				if !KindOf(err).Passing() {
					return err
				}
				if ctx.Err() == nil {
					last = err
				}
				wait = retry.step()
			} else if o, stale := m.journal.stale(c.Router, m.cfg.Now(), m.cfg.Attempt); stale {
				return notShown(o)
			}
		}
		if !pause(ctx, m.spread(wait)) {
			return fmt.Errorf("waiting for the cloud to show it: %w", cmp.Or(last, ctx.Err()))
		}
	}
}

// notShown is that a write was accepted, and the cloud shows another holder.
func notShown(o Ownership) error {
	why := errors.New("accepted, but the cloud does not show it")
	if o.Holder != "" {
		why = fmt.Errorf("accepted, but the cloud shows %s as its holder", o.Holder)
	}
	return &Error{Kind: Conflict, Action: "reading back", Object: o.ID, Err: why}
}

// moved notes that the cloud shows all, and when to look again.
func (m *Mover) moved(c vip.Claim) {
	backs := m.backs()
	again := slices.Clone(backs)
	for i, d := range again {
		again[i] = m.spread(d) // that of two who fight not both look at once
	}
	took, back, count := m.journal.moved(c.Router, m.cfg.Now(), backs, again)
	if back > 0 {
		m.cfg.Log.Warn("took back in the cloud what somebody else had taken", slog.String("router", c.Router),
			slog.String("mover", m.Kind()), slog.Uint64("term", c.Term), slog.Int("objects", back))
		return
	}
	m.cfg.Log.Info("the addresses have moved in the cloud", slog.String("router", c.Router), slog.String("mover", m.Kind()),
		slog.Uint64("term", c.Term), slog.Int("objects", count), slog.Duration("took", took))
}

// backs is when a new holder looks again: a half, one, two and four times as long
// as an attempt of the former one may take.
//
// What was taken back may be taken once more by who has not heard yet that it is no
// holder any more, so that is looked at likewise, mostBacked times in a row. Two
// nodes that fight, as in a partition without a guard, then look at Config.Poll
// only, until one look at that rate has found everything in order.
func (m *Mover) backs() []time.Duration {
	a := m.cfg.Attempt
	return []time.Duration{a / 2, a, 2 * a, 4 * a}
}

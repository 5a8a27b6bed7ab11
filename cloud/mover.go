// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// Mover makes this node the holder of objects in a cloud. One may serve many
// routers. Calls of Acquire and Release for one claim come one at a time; all
// else may be called at any time.
type Mover struct {
	cfg     Config
	journal *journal
	looks   *bucket
	wake    chan struct{} // Watch has something new to look after
}

// New checks cfg. It starts nothing and asks nobody.
func New(cfg Config) (*Mover, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Mover{cfg: cfg, journal: newJournal(cfg.Epoch != nil && !cfg.Release), looks: newBucket(cfg.Now()), wake: make(chan struct{}, 1)}, nil
}

// Kind is the Provider's name in the configuration.
func (m *Mover) Kind() string { return m.cfg.Provider.Kind() }

// Remote tells that whoever is asked may not answer, see agent.Remote.
func (*Mover) Remote() {}

// Acquire returns nil once the cloud has shown that all of the claim's objects are
// this node's, or that can't be asked and there is good reason to think so (trust).
// In a new term it writes at once. In a term in which it has returned nil before it
// asks nobody, unless Watch has seen that something is another's: that it takes back.
func (m *Mover) Acquire(ctx context.Context, c vip.Claim) error {
	objects, err := m.cfg.Provider.Objects(c.Addresses)
	if err != nil {
		return fmt.Errorf("finding the objects of %s in the cloud: %w", c.Router, err)
	}
	if len(objects) == 0 {
		return nil
	}
	if m.journal.begin(c, objects, m.cfg.Now()) {
		return nil
	}
	err = m.takeOver(ctx, c)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	m.journal.ended(c.Router, err)
	if err != nil {
		if m.cfg.Refused != nil && !errors.Is(err, ErrSuperseded) && !KindOf(err).Passing() {
			m.cfg.Refused(c)
		}
		return fmt.Errorf("moving the addresses by %s: %w", m.Kind(), err)
	}
	m.poke()
	return nil
}

// Release forgets the claim. With Config.Release it gives up those of its objects
// that are this node's own, and that no other claim wants, once and within Config.Attempt, or until ctx's
// deadline: who gives up an address doesn't wait for a cloud that does not answer.
// Only of a ctx that was cancelled the error is.
func (m *Mover) Release(ctx context.Context, c vip.Claim) error {
	m.journal.forget(c)
	if !m.cfg.Release {
		return nil
	}
	err := m.yield(ctx, c)
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	if err != nil && !errors.Is(err, ErrSuperseded) {
		m.journal.failed(c.Router, err)
		m.cfg.Log.Warn("could not give the addresses up in the cloud; a successor takes them", slog.String("router", c.Router),
			slog.String("mover", m.Kind()), slog.Any("err", err))
	}
	return nil
}

func (m *Mover) yield(ctx context.Context, c vip.Claim) error {
	objects, err := m.cfg.Provider.Objects(c.Addresses)
	if err != nil {
		return err
	}
	if objects = m.journal.unwanted(objects); len(objects) == 0 {
		return nil
	}
	attempt, cancel := context.WithTimeout(ctx, m.cfg.Attempt)
	defer cancel()
	allowed := m.allowed(attempt, c)
	if err := allowed(); err != nil {
		return err
	}
	return m.cfg.Provider.Yield(attempt, objects, Taking{Allowed: allowed})
}

// Held tells whether the claim, or a part of a larger one, was acquired in its
// term and nothing of it was seen to be another's since. It asks nobody.
func (m *Mover) Held(_ context.Context, c vip.Claim) (bool, error) {
	objects, err := m.cfg.Provider.Objects(c.Addresses)
	if err != nil {
		return false, fmt.Errorf("finding the objects of %s in the cloud: %w", c.Router, err)
	}
	return m.journal.holds(c, objects), nil
}

// Examine looks at all that a take-over of the addresses needs. Nothing is found
// where the Provider can't tell.
func (m *Mover) Examine(ctx context.Context, c vip.Claim) ([]Finding, error) {
	examiner, ok := m.cfg.Provider.(Examiner)
	if !ok {
		return nil, nil
	}
	objects, err := m.cfg.Provider.Objects(c.Addresses)
	if err != nil {
		return nil, fmt.Errorf("finding the objects of %s in the cloud: %w", c.Router, err)
	}
	return examiner.Examine(ctx, objects), nil
}

// Forget has refusals count no more: what was at fault is said to be put right.
func (m *Mover) Forget() {
	if f, ok := m.cfg.Provider.(Forgetter); ok {
		f.Forget()
	}
}

// Status is how a router's addresses stand, of both families.
func (m *Mover) Status(router string) status.Mover {
	s := m.journal.status(router)
	s.Kind = m.Kind()
	if counter, ok := m.cfg.Provider.(Counter); ok {
		s.Calls = counter.Calls()
	}
	return s
}

// allowed is asked before each request that writes.
func (m *Mover) allowed(ctx context.Context, c vip.Claim) func() error {
	return func() error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if m.cfg.Epoch == nil {
			return nil
		}
		if err := m.cfg.Epoch(c); err != nil {
			return fmt.Errorf("%w: %w", ErrSuperseded, err)
		}
		return nil
	}
}

func (m *Mover) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// jitter is a wait of up to d, and not so short that it is none.
func (m *Mover) jitter(d time.Duration) time.Duration {
	return max(d/16, time.Duration(m.cfg.Rand()*float64(d)))
}

// spread is a wait of three quarters to all of d.
func (m *Mover) spread(d time.Duration) time.Duration {
	return d - time.Duration(m.cfg.Rand()*float64(d)/4)
}

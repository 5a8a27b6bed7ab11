// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// gap is the shortest time between two looks at what is held.
const gap = time.Second

// Watch looks after what is held until ctx ends: at Config.Poll, and some times
// soon after a take-over. It tells of addresses of which an object is another's
// now, and takes nothing back itself: Acquire does. It also asks the node's
// metadata service and a peer about what was taken over. told must not block.
func (m *Mover) Watch(ctx context.Context, told func(vip.Change)) error {
	var planes sync.WaitGroup
	defer planes.Wait()
	for ctx.Err() == nil {
		for _, g := range m.journal.arrivals() {
			m.verify(ctx, &planes, g)
		}
		m.poll(ctx, told)
		m.rest(ctx)
	}
	return ctx.Err()
}

// rest waits until the next look is due, or something was taken over.
func (m *Mover) rest(ctx context.Context) {
	wait := time.Hour
	if due, ok := m.journal.due(); ok {
		if wait = due.Sub(m.cfg.Now()); wait <= 0 {
			return
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-m.wake:
	case <-timer.C:
	}
}

// poll looks at what is due, and on that occasion at all that is held.
func (m *Mover) poll(ctx context.Context, told func(vip.Change)) {
	now := m.cfg.Now()
	glances, urgent := m.journal.glances(now)
	if len(glances) == 0 {
		return
	}
	reserve := looksReserve
	if urgent {
		reserve = 0
	}
	if !m.looks.take(now, reserve) {
		m.journal.postpone(glances, now.Add(gap))
		return
	}
	err := m.observe(ctx, glances, told)
	if err == nil || len(glances) == 1 || ctx.Err() != nil || KindOf(err).Passing() {
		return
	}
	// One claim's object that is gone, or forbidden, must not hide the others.
	for _, g := range glances {
		_ = m.observe(ctx, []glance{g}, told) // noted there
	}
}

// Suspect tells that another node claims the addresses, and may have taken them:
// Watch looks soon. It doesn't block.
func (m *Mover) Suspect(c vip.Claim) {
	if m.journal.prompt(c.Router, m.cfg.Now()) {
		m.poke()
	}
}

// look is one look at all objects of a claim, and tells whether all are as wanted.
func (m *Mover) look(ctx context.Context, router string) (bool, error) {
	now := m.cfg.Now()
	g := m.journal.glance(router, now)
	err := m.observe(ctx, []glance{g}, func(vip.Change) {})
	return err == nil && m.journal.isWhole(router), err
}

// observe asks the cloud about the glances' objects, notes what it shows, and
// tells of what was lost.
func (m *Mover) observe(ctx context.Context, glances []glance, told func(vip.Change)) error {
	var objects []Object
	for _, g := range glances {
		objects = append(objects, g.objects...)
	}
	attempt, cancel := context.WithTimeout(ctx, m.cfg.Attempt)
	defer cancel()
	seen, err := m.cfg.Provider.Observe(attempt, objects)
	if err == nil && len(seen) != len(objects) {
		err = &Error{Kind: Invalid, Action: "observe", Err: fmt.Errorf("asked about %d objects, answered about %d", len(objects), len(seen))}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := m.cfg.Now()
	m.looks.answered(now, err)
	next := now.Add(m.spread(m.looks.slower(m.cfg.Poll)))
	if err != nil {
		m.unverified(glances, next, err)
		return err
	}
	var lost []netip.Addr
	for _, g := range glances {
		gone, again := m.journal.saw(g, seen[:len(g.objects)], now, next, m.backs())
		seen = seen[len(g.objects):]
		if again {
			m.cfg.Log.Info("the cloud answers again", slog.String("router", g.router), slog.String("mover", m.Kind()))
		}
		if len(gone) > 0 {
			m.cfg.Log.Warn("somebody took what this node holds in the cloud", slog.String("router", g.router), slog.String("mover", m.Kind()),
				slog.String("object", gone[0].ID), slog.String("holder", gone[0].Holder), slog.Int("objects", len(gone)))
		}
		for _, o := range gone {
			lost = append(lost, o.Address)
		}
	}
	if len(lost) > 0 {
		told(vip.Change{Taken: slices.Compact(lost)})
	}
	return nil
}

// unverified notes that the cloud could not be asked.
func (m *Mover) unverified(glances []glance, next time.Time, err error) {
	sooner := m.cfg.Now().Add(m.spread(m.looks.slower(min(m.cfg.Poll, 4*m.cfg.Attempt))))
	for _, g := range glances {
		m.journal.failed(g.router, err)
		if m.journal.unverified(g, next, sooner, err) {
			m.cfg.Log.Warn("the cloud can't be asked; what is held stays held", slog.String("router", g.router),
				slog.String("mover", m.Kind()), slog.Any("err", err))
		}
	}
}

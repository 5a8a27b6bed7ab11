// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/lab/probe"
)

// The test of many addresses: how many, how often at most, and the interval.
const (
	manyCount    = 2000
	manyRuns     = 6
	manyInterval = 100 * time.Millisecond
	manyWindow   = 5 * time.Second
)

// addressMove is one measured move of many addresses after a cut.
type addressMove struct {
	Side     string        `json:"program"`
	Run      int           `json:"run"`
	Answered int           `json:"answered"`
	First    time.Duration `json:"first_ns"` // from the cut to the first answer of the advertised one
	Last     time.Duration `json:"last_ns"`  // from the cut to the last one's first answer
}

// excluding is the setup with one router that has many excluded addresses,
// which are of the range for benchmarks (RFC 2544 section C.2.2).
func excluding() setup {
	c := one(manyInterval)
	a := netip.MustParseAddr("198.18.0.1")
	for range manyCount {
		c.routers[0].excluded = append(c.routers[0].excluded, netip.PrefixFrom(a, 32))
		a = a.Next()
	}
	return c
}

// manyAddresses measures the moves, the programs in turns.
func (b *bench) manyAddresses(ctx context.Context) error {
	runs := min(b.runs, manyRuns)
	for run := range runs {
		for _, s := range b.sides {
			m := addressMove{Side: s.name, Run: run}
			if err := b.moveMany(ctx, s, runs, &m); err != nil {
				return fmt.Errorf("%s, %d addresses, run %d: %w", s.name, manyCount, run, err)
			}
			b.results.Moves = append(b.results.Moves, m)
			b.clock.step(costOfMove, "%-10s %d addresses run %d: %d answer, the first after %.1f ms, the last %.1f ms later",
				s.name, manyCount, run+1, m.Answered, msec(m.First), msec(m.Last-m.First))
		}
	}
	return nil
}

// moveMany measures one of some runs.
func (b *bench) moveMany(ctx context.Context, s side, runs int, m *addressMove) (err error) {
	c := excluding()
	p, err := b.start(ctx, s, c, time.Minute)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	addrs := []netip.Addr{moving.Addr()}
	for _, a := range c.routers[0].excluded {
		addrs = append(addrs, a.Addr())
	}
	session := probe.New(time.Millisecond)
	defer session.Close()
	sweep, err := session.Sweep(b.lab, b.b, addrs)
	if err != nil {
		return err
	}
	adverts, err := session.Adverts(b.lab, b.a)
	if err != nil {
		return err
	}
	// The sweep takes some milliseconds to ask all; this one is asked in each.
	first, err := session.Holders(b.lab, moving.Addr(), b.b)
	if err != nil {
		return err
	}
	sweeping, cancel := context.WithCancel(ctx)
	defer cancel()
	swept := make(chan error, 1)
	go func() { swept <- session.Run(sweeping) }()
	at, err := b.cutInPhase(ctx, session, adverts, m.Run, runs)
	cancel()
	if err := errors.Join(err, <-swept); err != nil {
		return err
	}
	n, _, last := sweep.Answered()
	m.Answered, m.Last = n, last-at
	if held := first.Of(b.b); len(held) > 0 {
		m.First = held[0].From - at
	}
	return ctx.Err()
}

// cutInPhase cuts the holder off after this run's share of the interval, lets
// the other one take over, and tells when it cut.
func (b *bench) cutInPhase(ctx context.Context, s *probe.Session, adverts *probe.Adverts, run, runs int) (time.Duration, error) {
	if _, err := phase(ctx, s, adverts, manyInterval, run, runs); err != nil {
		return 0, err
	}
	at := s.Now()
	if err := b.lab.Cut(b.a); err != nil {
		return 0, err
	}
	return at, sleep(ctx, manyWindow)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// The programs of the guard's part, by name.
const (
	sideKeepalived = "keepalived"
	sideVicar      = "vicar"
	sideGuarded    = "vicar, guard"
)

// guardPort is the peer link's.
const guardPort = 7946

// guardMove is one measured move.
type guardMove struct {
	failover
	// Gone is how long after the fault the old holder's host last answered for the
	// address; negative if it did not any more.
	Gone time.Duration `json:"gone_ns"`
	Two  bool          `json:"two"` // two hosts answered at once, be it for one answer
}

// guardLease is the cluster's max_lease where routers have the interval.
func guardLease(interval time.Duration) time.Duration { return max(time.Second, 3*interval) }

// guardKey is a line of a key file.
func guardKey() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it does not fail
	return base64.StdEncoding.EncodeToString(secret)
}

// guardedSide is vicar with a guard, on two nodes and a witness.
func guardedSide(binary string) side {
	key := guardKey()
	return side{name: sideGuarded, witness: true, start: func(h *lab.Host, dir string, c setup) (agent, error) {
		conf := c.vicar()
		conf.Nodes["witness"] = vicar.Node{Address: []netip.Addr{addrW.Addr()}, Witness: true}
		conf.PeerLink = &vicar.PeerLink{Port: guardPort, Keys: []string{key}}
		conf.Guard = &vicar.Guard{Kind: "quorum", Fence: "required", MaxLease: vicar.Duration(guardLease(c.interval))}
		return startVicar(h, binary, dir, conf)
	}}
}

// guards measures all of it.
func (b *bench) guards(ctx context.Context) error {
	for _, m := range guardModes {
		if !slices.Contains(b.guardModes, m.name) {
			continue
		}
		for _, interval := range m.intervals {
			if err := b.guardSeries(ctx, m, interval); err != nil {
				return err
			}
		}
	}
	if !slices.Contains(b.guardModes, guardLoadName) {
		return nil
	}
	return b.guardLoads(ctx)
}

// turnRuns is how many moves of one program follow each other, where the agents
// go on, before it is another one's turn.
const turnRuns = 5

// guardSeries measures the moves of a mode, the programs in turns.
func (b *bench) guardSeries(ctx context.Context, m guardMode, interval time.Duration) error {
	sides := slices.DeleteFunc(append(slices.Clone(b.sides), b.guarded), func(s side) bool {
		return !slices.Contains(m.sides, s.name)
	})
	turn := 1
	if m.back != nil {
		turn = turnRuns
	}
	for begin := 0; begin < b.runs; begin += turn {
		for _, s := range sides {
			if end := min(begin+turn, m.runs(s.name, interval, b.runs)); begin < end {
				if err := b.guardTurn(ctx, s, m, interval, begin, end); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// guardTurn measures some moves of one program, and starts its agents for that.
func (b *bench) guardTurn(ctx context.Context, s side, m guardMode, interval time.Duration, begin, end int) (err error) {
	var p pair
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if p, err = b.start(ctx, s, one(interval), 20*time.Second+8*interval); err != nil {
		return fmt.Errorf("%s at %v: %w", s.name, interval, err)
	}
	for run := begin; run < end; run++ {
		f := guardMove{failover: failover{Mode: m.name, Interval: interval, Side: s.name, Run: run}}
		if run > begin {
			err = b.again(ctx, s, m, &p, interval)
		}
		if err == nil {
			err = b.guardMove(ctx, m, p, &f)
		}
		if err != nil {
			return fmt.Errorf("%s, %s at %v, run %d: %w", s.name, m.name, interval, run+1, err)
		}
		b.results.Guards = append(b.results.Guards, f)
		b.clock.step(m.cost(interval), "%-12s %-14s %5v run %2d: outage %7.1f ms, gone after %7.1f ms, two holders: %v, control %.1f ms",
			s.name, m.name, interval, run+1, msec(f.Outage), msec(f.Gone), f.Two, msec(f.Control))
	}
	return nil
}

// guardMove measures one.
func (b *bench) guardMove(ctx context.Context, m guardMode, p pair, f *guardMove) error {
	how := manner{every: b.guardProbe, runs: m.runs(f.Side, f.Interval, b.runs), brief: m.back != nil, gaps: true}
	w, err := b.move(ctx, &f.failover, how, func() error { return m.do(b, p) })
	if err != nil {
		return err
	}
	f.Two = len(w.watch.holders.Doubles()) > 0
	f.Gone = w.watch.holders.Last(b.a) - w.at
	return nil
}

// again makes a the holder once more, and waits until both know it.
func (b *bench) again(ctx context.Context, s side, m guardMode, p *pair, interval time.Duration) error {
	if err := m.back(b, s, p, interval); err != nil {
		return err
	}
	err := await(ctx, 20*time.Second+8*interval, "a holds the address again", func() (bool, error) {
		for _, a := range p.agents() {
			if a.process().Ended() {
				return false, fmt.Errorf("it ended:\n%s", a.process().Output)
			}
			if a != p.a && !a.ready(ctx) {
				return false, nil
			}
		}
		if v, ok := p.a.(*vicarAgent); ok && p.witness != nil && !v.knows(ctx, b.b.Name) {
			return false, nil
		}
		there, err := b.a.Has(moving.Addr())
		if err != nil || !there {
			return false, err
		}
		there, err = b.b.Has(moving.Addr())
		return !there, err
	})
	if err != nil {
		return err
	}
	return sleep(ctx, 300*time.Millisecond)
}

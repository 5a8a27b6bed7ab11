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
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
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

// guardMode is a way in which the holder goes, and who goes it.
type guardMode struct {
	mode
	intervals []time.Duration
	sides     []string
}

// Intervals and programs of guardModes.
var (
	twoIntervals = []time.Duration{100 * time.Millisecond, time.Second}
	oneInterval  = twoIntervals[:1]
	allSides     = []string{sideKeepalived, sideVicar, sideGuarded}
)

// guardModes are what is measured with a guard and without. freeze, kill all
// and partition show who ends up with two holders.
var guardModes = []guardMode{
	{mode{"cut", func(b *bench, _ pair) error { return b.lab.Cut(b.a) }}, twoIntervals, []string{sideVicar, sideGuarded}},
	{mode{"stop", func(_ *bench, p pair) error { return p.a.process().Signal(syscall.SIGTERM) }}, twoIntervals, allSides},
	{mode{"handover", handover}, twoIntervals, []string{sideGuarded}},
	{mode{"kill the agent", func(_ *bench, p pair) error { return p.a.process().Signal(syscall.SIGKILL) }}, twoIntervals, []string{sideGuarded}},
	{mode{"kill all", func(_ *bench, p pair) error { return p.a.signalAll(syscall.SIGKILL) }}, oneInterval, allSides},
	{mode{"freeze", func(_ *bench, p pair) error { return p.a.signalAll(syscall.SIGSTOP) }}, oneInterval, allSides},
	{mode{"partition", func(b *bench, _ pair) error { return b.lab.Isolate(b.a) }}, oneInterval, allSides},
}

// guardLoadName stands for the load among the modes' names.
const guardLoadName = "load"

// guardModeNames are the modes' names, and the load's.
func guardModeNames() []string {
	var out []string
	for _, m := range guardModes {
		out = append(out, m.name)
	}
	return append(out, guardLoadName)
}

// handover asks the holder to hand over. That it waits for the answer costs the
// client nothing.
func handover(b *bench, p pair) error {
	ctx, cancel := context.WithTimeout(context.Background(), window(0))
	defer cancel()
	return p.a.(*vicarAgent).Handover(ctx, routerName(one(0).routers[0].vrid), b.b.Name)
}

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

// guardedSide is vicar with a guard, on two nodes and a witness.
func guardedSide(binary string) side {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it does not fail
	key := base64.StdEncoding.EncodeToString(secret)
	return side{name: sideGuarded, witness: true, start: func(h *lab.Host, dir string, c setup) (agent, error) {
		conf := c.vicar()
		conf.Nodes["witness"] = vicar.Node{Address: []netip.Addr{addrW.Addr()}, Witness: true}
		conf.PeerLink = &vicar.PeerLink{Port: guardPort, Keys: []string{key}}
		conf.Guard = &vicar.Guard{Kind: "quorum", Fence: "required", MaxLease: vicar.Duration(guardLease(c.interval))}
		return startVicar(h, binary, dir, conf)
	}}
}

// guards measures all of it, the programs in turns.
func (b *bench) guards(ctx context.Context) error {
	sides := append(slices.Clone(b.sides), b.guarded)
	for _, m := range guardModes {
		if !slices.Contains(b.guardModes, m.name) {
			continue
		}
		for _, interval := range m.intervals {
			for run := range b.runs {
				for _, s := range sides {
					if !slices.Contains(m.sides, s.name) {
						continue
					}
					f := guardMove{failover: failover{Mode: m.name, Interval: interval, Side: s.name, Run: run}}
					if err := b.guardMove(ctx, s, m, &f); err != nil {
						return fmt.Errorf("%s, %s at %v, run %d: %w", s.name, m.name, interval, run, err)
					}
					b.results.Guards = append(b.results.Guards, f)
					b.clock.step(costOfGuard(interval), "%-12s %-14s %5v run %2d: outage %7.1f ms, gone after %7.1f ms, two holders: %v, control %.1f ms",
						s.name, m.name, interval, run+1, msec(f.Outage), msec(f.Gone), f.Two, msec(f.Control))
				}
			}
		}
	}
	if !slices.Contains(b.guardModes, guardLoadName) {
		return nil
	}
	return b.guardLoads(ctx)
}

// guardMove measures one.
func (b *bench) guardMove(ctx context.Context, s side, m guardMode, f *guardMove) (err error) {
	p, err := b.start(ctx, s, one(f.Interval), 20*time.Second+8*f.Interval)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	w, err := b.move(ctx, &f.failover, b.guardProbe, func() error { return m.do(b, p) })
	if err != nil {
		return err
	}
	f.Two = len(w.watch.holders.Doubles()) > 0
	f.Gone = w.watch.holders.Last(b.a) - w.at
	return nil
}

// guardLoad is one measured load.
type guardLoad struct {
	load
	// Packets are those of the peer link that the three nodes sent per second.
	Packets float64 `json:"packets"`
}

// guardLoads measures the loads, in turns.
func (b *bench) guardLoads(ctx context.Context) error {
	for run := range b.loadRuns {
		for _, s := range []side{b.sides[1], b.guarded} {
			m := guardLoad{load: load{Interval: loadIntervals[0], Side: s.name, Run: run}}
			if err := b.guardLoad(ctx, s, &m); err != nil {
				return fmt.Errorf("%s, %d routers at %v: %w", s.name, loadRouters, m.Interval, err)
			}
			b.results.GuardLoads = append(b.results.GuardLoads, m)
			b.clock.step(costOfLoad(b.load), "%-12s %d routers at %v run %d: CPU %.1f %% active, %.1f %% backup, %.1f %% witness, %.0f packets/s",
				s.name, loadRouters, m.Interval, run+1, 100*m.Active.CPU, 100*m.Backup.CPU, 100*m.Witness.CPU, m.Packets)
		}
	}
	return nil
}

// guardLoad measures one.
func (b *bench) guardLoad(ctx context.Context, s side, m *guardLoad) (err error) {
	p, err := b.start(ctx, s, many(m.Interval), time.Minute)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	return b.during(ctx, p, &m.load, func() error {
		session := probe.New(time.Millisecond)
		defer session.Close()
		var ears []*probe.Adverts
		for _, h := range []*lab.Host{b.a, b.b, b.witness} {
			ear, err := session.Datagrams(b.lab, h, guardPort)
			if err != nil {
				return err
			}
			ears = append(ears, ear)
		}
		hearing, cancel := context.WithTimeout(ctx, b.load)
		defer cancel()
		if err := session.Run(hearing); err != nil {
			return err
		}
		for _, e := range ears {
			_, n := e.Last()
			m.Packets += float64(n) / b.load.Seconds()
		}
		return ctx.Err()
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// guardMode is a way in which the holder goes, and who goes it.
type guardMode struct {
	mode
	intervals []time.Duration
	sides     []string
	// back lets a be the holder again for the next move. Without it all agents are
	// started anew, and what is looked for is whether two hold: some runs are enough.
	back func(b *bench, s side, p *pair, interval time.Duration) error
}

// Intervals and programs of guardModes.
var (
	twoIntervals = []time.Duration{100 * time.Millisecond, time.Second}
	oneInterval  = twoIntervals[:1]
	allSides     = []string{sideKeepalived, sideVicar, sideGuarded}
)

// guardModes are what is measured with a guard and without. kill all, freeze
// and partition show who ends up with two holders.
var guardModes = []guardMode{
	{mode{"cut", func(b *bench, _ pair) error { return b.lab.Cut(b.a) }}, twoIntervals, []string{sideVicar, sideGuarded}, heal},
	{mode{"stop", func(_ *bench, p pair) error { return p.a.process().Signal(syscall.SIGTERM) }}, twoIntervals, allSides, restart},
	{mode{"handover", handover}, twoIntervals, []string{sideGuarded}, handBack},
	{mode{"kill the agent", func(_ *bench, p pair) error { return p.a.process().Signal(syscall.SIGKILL) }}, twoIntervals, []string{sideGuarded}, restart},
	{mode{"kill all", func(_ *bench, p pair) error { return p.a.signalAll(syscall.SIGKILL) }}, oneInterval, allSides, nil},
	{mode{"freeze", func(_ *bench, p pair) error { return p.a.signalAll(syscall.SIGSTOP) }}, oneInterval, allSides, nil},
	{mode{"partition", func(b *bench, _ pair) error { return b.lab.Isolate(b.a) }}, oneInterval, allSides, nil},
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

// fewRuns are enough to see whether two hold, and for what hardly varies: how
// long others take to stop.
const fewRuns = 3

// runs is how often a program goes the mode, when so many runs are asked for:
// half as often where each takes long.
func (m guardMode) runs(side string, interval time.Duration, asked int) int {
	switch {
	case m.back == nil || m.name == "stop" && side != sideGuarded:
		return min(fewRuns, asked)
	case interval >= time.Second && (m.name == "cut" || m.name == "kill the agent"):
		return (asked + 1) / 2
	default:
		return asked
	}
}

// cost is how long a move is expected to take.
func (m guardMode) cost(interval time.Duration) time.Duration {
	switch {
	case m.back == nil:
		return 3 * time.Second
	case m.name == "cut":
		return time.Second + 7*interval
	case m.name == "handover":
		return time.Second + 2*interval
	default:
		return time.Second + 5*interval
	}
}

// planned is how long the part's moves are expected to take.
func (m guardMode) planned(asked int) (total time.Duration) {
	for _, i := range m.intervals {
		for _, side := range m.sides {
			total += m.cost(i) * time.Duration(m.runs(side, i, asked))
		}
	}
	return total
}

// handover asks the holder to hand over. That it waits for the answer costs the
// client nothing.
func handover(b *bench, p pair) error { return handTo(p.a, b.b.Name) }

func handTo(holder agent, to string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return holder.(*vicarAgent).Handover(ctx, routerName(one(0).routers[0].vrid), to)
}

// handBack is a handover the other way.
func handBack(b *bench, _ side, p *pair, _ time.Duration) error { return handTo(p.b, b.a.Name) }

// heal connects the host again.
func heal(b *bench, _ side, _ *pair, _ time.Duration) error { return b.lab.Heal() }

// restart starts a's agent again.
func restart(b *bench, s side, p *pair, interval time.Duration) (err error) {
	if err := p.a.kill(); err != nil {
		return err
	}
	stale, _ := filepath.Glob(filepath.Join(p.dir, "*.pid"))
	for _, f := range stale { // keepalived's: the numbers are soon another process's
		if err := os.Remove(f); err != nil {
			return fmt.Errorf("removing what an agent has left: %w", err)
		}
	}
	p.a, err = s.start(b.a, p.dir, one(interval))
	return err
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// loadRouters is how many virtual routers the load tests have.
const loadRouters = 250

// loadIntervals are their intervals.
var loadIntervals = []time.Duration{100 * time.Millisecond, 10 * time.Millisecond}

// loadSettle is how long a load runs before it is measured.
const loadSettle = 5 * time.Second

// load is one measured load.
type load struct {
	Interval time.Duration `json:"interval_ns"`
	Side     string        `json:"program"`
	Run      int           `json:"run"`
	Active   usage         `json:"active"`
	Backup   usage         `json:"backup"`
	Witness  usage         `json:"witness,omitzero"`
	// False is how often a router of the backup became holder though nothing
	// had happened to the other host.
	False uint64 `json:"false_transitions"`
}

// usage is what an agent used.
type usage struct {
	CPU float64 `json:"cpu"` // seconds per second
	RSS int64   `json:"rss"` // bytes, at the end
	Own int64   `json:"own"` // of these not the program's file, or another one
}

// many is the setup with many routers. No address depends on another one, as
// the secondary ones of a subnet would.
func many(interval time.Duration) setup {
	c := setup{interval: interval}
	a := netip.MustParseAddr("198.51.100.1")
	for n := range loadRouters {
		c.routers = append(c.routers, router{vrid: uint8(n + 1), addresses: []netip.Prefix{netip.PrefixFrom(a, 32)}})
		a = a.Next()
	}
	return c
}

// loads measures all of them.
func (b *bench) loads(ctx context.Context) error {
	for _, interval := range loadIntervals {
		for n := range b.loadRuns * len(b.sides) {
			s := b.sides[n%len(b.sides)]
			m := load{Interval: interval, Side: s.name, Run: n / len(b.sides)}
			if err := b.loadTest(ctx, s, &m); err != nil {
				return fmt.Errorf("%s, %d routers at %v: %w", s.name, loadRouters, interval, err)
			}
			b.results.Loads = append(b.results.Loads, m)
			b.clock.step(costOfLoad(b.load), "%-10s %d routers at %v run %d: CPU %.1f %% active, %.1f %% backup, %d false transitions",
				s.name, loadRouters, interval, m.Run+1, 100*m.Active.CPU, 100*m.Backup.CPU, m.False)
		}
	}
	return nil
}

// loadTest measures one.
func (b *bench) loadTest(ctx context.Context, s side, m *load) (err error) {
	p, err := b.start(ctx, s, many(m.Interval), time.Minute)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	return b.during(ctx, p, m, func() error { return sleep(ctx, b.load) })
}

// during measures what the agents use while work goes on.
func (b *bench) during(ctx context.Context, p pair, m *load, work func() error) error {
	if err := sleep(ctx, loadSettle); err != nil {
		return err
	}
	before, err := p.b.entered(ctx)
	if err != nil {
		return err
	}
	var begins, ends []lab.Usage
	begin := time.Now()
	for _, a := range p.agents() {
		begins = append(begins, a.process().Usage())
	}
	if err := work(); err != nil {
		return err
	}
	for _, a := range p.agents() {
		ends = append(ends, a.process().Usage())
	}
	took := time.Since(begin)
	after, err := p.b.entered(ctx)
	if err != nil {
		return err
	}
	m.Active, m.Backup, m.False = between(begins[0], ends[0], took), between(begins[1], ends[1], took), after-before
	if p.witness != nil {
		m.Witness = between(begins[2], ends[2], took)
	}
	return nil
}

// between is the use from begin to end.
func between(begin, end lab.Usage, took time.Duration) usage {
	return usage{CPU: (end.CPU - begin.CPU).Seconds() / took.Seconds(), RSS: end.RSS, Own: end.Own}
}

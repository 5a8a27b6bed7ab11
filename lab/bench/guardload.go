// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
)

// guardLoad is one measured load.
type guardLoad struct {
	load
	// Packets are those of the peer link that the three nodes sent per second,
	// HolderPackets those of the holder among them.
	Packets       float64 `json:"packets"`
	HolderPackets float64 `json:"holder_packets"`
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
		for n, e := range ears {
			_, heard := e.Last()
			rate := float64(heard) / b.load.Seconds()
			if n == 0 {
				m.HolderPackets = rate
			}
			m.Packets += rate
		}
		return ctx.Err()
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// bench is a lab with what all measurements share. a is the better host.
type bench struct {
	options
	lab      *lab.Lab
	a, b     *lab.Host
	client   *lab.Host
	server   *lab.Host // what many checks look at
	witness  *lab.Host // votes where there is a guard
	dir      string    // of all agents' files, in memory
	programs string
	binary   string // vicar's
	sides    []side
	guarded  side
	results  results
	clock    progress
	starts   int
}

// Addresses of the hosts, and the one that moves.
var (
	addrA  = netip.MustParsePrefix("192.0.2.1/24")
	addrB  = netip.MustParsePrefix("192.0.2.2/24")
	addrC  = netip.MustParsePrefix("192.0.2.9/24")
	addrS  = netip.MustParsePrefix("192.0.2.20/24")
	addrW  = netip.MustParsePrefix("192.0.2.30/24")
	moving = netip.MustParsePrefix("192.0.2.100/24")
)

// Priorities of a and b.
const (
	better = 150
	worse  = 100
)

// newBench builds vicar and the lab.
func newBench(ctx context.Context, o options) (*bench, error) {
	b := &bench{options: o}
	var err error
	// No disk is to make agents slow that write when they take addresses or give
	// them up: /run is in memory as well.
	if b.dir, err = os.MkdirTemp("/dev/shm", "bench"); err != nil {
		b.dir, err = os.MkdirTemp("", "bench")
	}
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	if err := b.setUp(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) setUp(ctx context.Context) error {
	var err error
	// A file system in memory may not let programs run.
	if b.programs, err = os.MkdirTemp("", "bench"); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	binary, err := vicar.Binary(ctx, b.programs)
	if err != nil {
		return err
	}
	b.binary = binary
	b.sides, b.guarded = []side{keepalivedSide(), vicarSide(binary)}, guardedSide(binary)
	if b.results.Versions, err = versions(ctx, binary); err != nil {
		return err
	}
	if b.lab, err = lab.New(); err != nil {
		return err
	}
	for _, h := range []struct {
		host **lab.Host
		name string
		addr netip.Prefix
	}{{&b.a, "a", addrA}, {&b.b, "b", addrB}, {&b.client, "client", addrC}, {&b.server, "server", addrS}, {&b.witness, "witness", addrW}} {
		if *h.host, err = b.lab.Host(h.name, h.addr); err != nil {
			return err
		}
	}
	return nil
}

// close ends the lab and removes the files.
func (b *bench) close() {
	if b.lab != nil {
		_ = b.lab.Close()
	}
	_ = os.RemoveAll(b.dir)
	_ = os.RemoveAll(b.programs)
}

// measure runs the parts.
func (b *bench) measure(ctx context.Context) error {
	b.clock.plan(b.options)
	parts := []struct {
		name string
		run  func(context.Context) error
	}{{partFailover, b.failovers}, {partLoad, b.loads}, {partAddresses, b.manyAddresses}, {partService, b.services}, {partChecks, b.checkLoads}, {partGuard, b.guards}, {partCloud, b.clouds}, {partPools, b.pools}}
	for _, p := range parts {
		if !slices.Contains(b.parts, p.name) {
			continue
		}
		if err := p.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pair is one program on both hosts, and on the witness if it has one.
type pair struct {
	a, b, witness agent
	dir           string // of a, for its successors
}

// agents are those that were started.
func (p pair) agents() []agent {
	return slices.DeleteFunc([]agent{p.a, p.b, p.witness}, func(a agent) bool { return a == nil })
}

// start starts a program on both hosts and waits until a holds all addresses
// and b is backup.
func (b *bench) start(ctx context.Context, s side, c setup, within time.Duration) (p pair, err error) {
	b.starts++
	// Short, for a socket's path.
	dirOf := func(h *lab.Host) string { return filepath.Join(b.dir, strconv.Itoa(b.starts)+h.Name) }
	p.dir = dirOf(b.a)
	one := func(h *lab.Host) (agent, error) {
		if err := os.Mkdir(dirOf(h), 0o700); err != nil {
			return nil, fmt.Errorf("making a directory: %w", err)
		}
		return s.start(h, dirOf(h), c)
	}
	if p.a, err = one(b.a); err != nil {
		return p, err
	}
	if p.b, err = one(b.b); err != nil {
		return p, err
	}
	if s.witness {
		if p.witness, err = one(b.witness); err != nil {
			return p, err
		}
	}
	err = await(ctx, within, s.name+" holds the addresses", func() (bool, error) {
		for _, a := range p.agents() {
			if a.process().Ended() {
				return false, fmt.Errorf("it ended:\n%s", a.process().Output)
			}
			if a != p.a && !a.ready(ctx) {
				return false, nil
			}
		}
		list, err := b.a.Addresses()
		return err == nil && len(list) >= c.addresses(), err
	})
	if err == nil {
		// Let the first announcements and the backup's start pass.
		err = sleep(ctx, 300*time.Millisecond+3*c.interval)
	}
	return p, err
}

// clean kills the agents and takes away what they left.
func (b *bench) clean(p pair) error {
	var errs []error
	for _, a := range p.agents() {
		errs = append(errs, a.kill())
	}
	errs = append(errs, b.lab.Heal())
	if p.witness != nil {
		errs = append(errs, b.unfence())
	}
	for _, h := range []*lab.Host{b.a, b.b} {
		list, err := h.Addresses()
		errs = append(errs, err)
		for _, a := range slices.Backward(list) { // secondary ones go with their primary
			if a == addrA || a == addrB || a.Addr().IsLinkLocalUnicast() {
				continue
			}
			errs = append(errs, h.DelAddress(a))
		}
	}
	return errors.Join(errs...)
}

// unfence takes the fences away that guarded agents have left.
func (b *bench) unfence() error {
	var errs []error
	for _, h := range []*lab.Host{b.a, b.b} {
		out, err := h.Run(context.Background(), "tc", "qdisc", "show", "dev", lab.Interface)
		if err == nil && strings.Contains(out, "clsact") {
			_, err = h.Run(context.Background(), "tc", "qdisc", "del", "dev", lab.Interface, "clsact")
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// await polls until ok answers true.
func await(ctx context.Context, within time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("waited %v in vain: %s", within, what))
	defer cancel()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// sleep waits for d.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

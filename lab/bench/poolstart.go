// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/pool"
)

// What many services are checked with. The checks come to 67 connections a second.
const (
	startInterval = 30 * time.Second
	startTimeout  = startInterval // no living server is to be slow
	startMeasure  = 20 * time.Second
	countEvery    = 20 * time.Millisecond
	startWaits    = 2 * time.Minute
)

// balancer is a program with many services.
type balancer interface {
	process() *lab.Process
	// add puts one more server of the first service into force.
	add() error
}

// manyVicar implements balancer.
type manyVicar struct {
	*vicar.Agent
	conf vicar.Config
}

func (v *manyVicar) process() *lab.Process { return v.Process }

func (v *manyVicar) add() error {
	v.conf.Pools["s000"]["servers"] = append(backs(manyServers), moreBack().String())
	return v.Reload(v.conf)
}

// manyKeepalived implements balancer.
type manyKeepalived struct {
	*keepalived.Agent
	conf keepalived.Config
}

func (k *manyKeepalived) process() *lab.Process { return k.Process }

func (k *manyKeepalived) add() error {
	s := &k.conf.Services[0]
	s.Servers = append(s.Servers, moreBack())
	return k.Reload(k.conf)
}

// moreBack is the server that is added, another port of one of them.
func moreBack() netip.AddrPort { return netip.AddrPortFrom(manyBack(0).Addr(), site.Port) }

// backs are n servers as vicar's file has them.
func backs(n int) []string {
	var out []string
	for m := range n {
		out = append(out, manyBack(m).String())
	}
	return out
}

// poolStarts measures starts with many services, the programs in turns.
func (b *bench) poolStarts(ctx context.Context) error {
	for run := range planeRuns {
		for _, side := range poolSides() {
			m := poolStart{Plane: string(planeHere()), Side: side, Run: run}
			if err := b.poolStart(ctx, &m); err != nil {
				return fmt.Errorf("%s with %d services: %w", side, manyServices, err)
			}
			b.results.Pools.Starts = append(b.results.Pools.Starts, m)
			b.clock.step(costOfPoolStart, "%-10s %s, %d services, run %d: all after %.0f ms, one more after %.0f ms, CPU %.1f %%, RSS %.1f MB",
				side, m.Plane, manyServices, run+1, msec(m.All), msec(m.Added), 100*m.Use.CPU, mega(m.Use.RSS))
		}
	}
	return nil
}

func (b *bench) poolStart(ctx context.Context, m *poolStart) (err error) {
	s, err := b.site()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	begin, program, err := s.startMany(m.Side)
	if err != nil {
		return err
	}
	ended, err := s.awaitAll(ctx, program, 0)
	if err != nil {
		return err
	}
	m.All = ended.Sub(begin)
	if err := sleep(ctx, loadSettle); err != nil {
		return err
	}
	p := program.process()
	from, before := time.Now(), p.Usage()
	if err := sleep(ctx, startMeasure); err != nil {
		return err
	}
	m.Use = between(before, p.Usage(), time.Since(from))
	begin = time.Now()
	if err := program.add(); err != nil {
		return err
	}
	ended, err = s.awaitAll(ctx, program, 1)
	m.Added = ended.Sub(begin)
	return err
}

// startMany starts a program with many services.
func (s *poolSite) startMany(side string) (begin time.Time, _ balancer, err error) {
	d := s.Directors[0]
	dir, err := s.b.newDir()
	if err != nil {
		return begin, nil, err
	}
	if err := d.AddAddress(site.Inside); err != nil {
		return begin, nil, err
	}
	if side == sideVicar {
		c := s.conf()
		for n := range manyServices {
			b := block(manyFront(n), nil, startInterval)
			b["servers"] = backs(manyServers)
			b["checks"] = []any{vicar.Block{"tcp": "{server}", "interval": startInterval.String(), "timeout": startTimeout.String(), "fall": poolFall}}
			c.Pools[fmt.Sprintf("s%03d", n)] = b
		}
		begin = time.Now()
		a, err := vicar.Start(d.Host, s.b.binary, dir, c)
		return begin, &manyVicar{a, c}, err
	}
	var c keepalived.Config
	for n := range manyServices {
		v := keepalived.Service{Address: manyFront(n), Scheduler: "wrr", Interval: startInterval, Timeout: startTimeout}
		for m := range manyServers {
			v.Servers = append(v.Servers, manyBack(m))
		}
		c.Services = append(c.Services, v)
	}
	begin = time.Now()
	a, err := keepalived.Start(d.Host, dir, c)
	return begin, &manyKeepalived{a, c}, err
}

// awaitAll waits until all servers are in the first director's kernel, and more if
// one was added, and returns when they were seen.
func (s *poolSite) awaitAll(ctx context.Context, program balancer, more int) (_ time.Time, err error) {
	want := manyServices*manyServers + more
	count := s.countIPVS
	if planeHere() != pool.IPVS {
		plane, err := openPlane(s.Directors[0].Host)
		if err != nil {
			return time.Time{}, err
		}
		defer func() { err = errors.Join(err, plane.Close()) }()
		count = func() (int, error) { return countRead(ctx, plane, more) }
	}
	n := 0
	for end := time.Now().Add(startWaits); time.Now().Before(end); {
		if n, err = count(); err != nil {
			return time.Time{}, err
		}
		if n >= want {
			return time.Now(), nil
		}
		if p := program.process(); p.Ended() {
			return time.Time{}, fmt.Errorf("it ended:\n%s", p.Output)
		}
		if err := sleep(ctx, countEvery); err != nil {
			return time.Time{}, err
		}
	}
	log := program.process().Output.String()
	return time.Time{}, fmt.Errorf("%d servers are in the kernel, not %d:\n%s", n, want, log[max(0, len(log)-2000):])
}

// countIPVS counts the servers in the kernel's own list.
func (s *poolSite) countIPVS() (n int, err error) {
	err = s.Directors[0].Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/ip_vs")
		n = strings.Count(string(text), "\n  -> ") - 1 // the heading
		return err
	})
	return n, err
}

// countRead counts the servers that a plane reads in the kernel: nftables has no list
// of its own. To read all takes its time, so it looks at the first and the last service
// before, and with one more at the first, which gets it, alone.
func countRead(ctx context.Context, plane pool.Plane, more int) (int, error) {
	var all []pool.Virtual
	for _, s := range manyPools() {
		all = append(all, s.Virtual)
	}
	if more > 0 {
		first, err := plane.Read(ctx, all[:1])
		return len(first) + (manyServices-1)*manyServers, err
	}
	ends, err := plane.Read(ctx, []pool.Virtual{all[0], all[len(all)-1]})
	if err != nil || len(ends) < 2*manyServers {
		return len(ends), err
	}
	found, err := plane.Read(ctx, all)
	return len(found), err
}

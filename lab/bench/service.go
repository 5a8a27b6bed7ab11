// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/nginx"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// The test of a failing service: nginx on both hosts, killed on the holder.
const (
	serviceInterval = 100 * time.Millisecond // of adverts
	checkInterval   = 100 * time.Millisecond
	checkFall       = 2
	serviceWindow   = 2 * time.Second
)

// serviceWeights are what the check does to the priority; 0 is a fault.
var serviceWeights = []int{0, -60}

// health is a check of the nginx on the same host.
type health struct{ weight int }

// keepalived is the check as a script, for want of a check of HTTP that moves a
// priority. It only connects, and each second at the shortest.
func (c health) keepalived() ([]keepalived.Script, []keepalived.Track) {
	return []keepalived.Script{{
		Name: "nginx", Command: "/bin/bash -c '</dev/tcp/127.0.0.1/80'",
		Interval: time.Second, Timeout: time.Second, Rise: checkFall, Fall: checkFall,
	}}, []keepalived.Track{{Name: "nginx", Weight: c.weight}}
}

// vicar is the check as vicar has it.
func (c health) vicar() (map[string]vicar.Check, []vicar.Track) {
	return map[string]vicar.Check{"nginx": {
		"http": "http://127.0.0.1/", "interval": checkInterval.String(), "timeout": checkInterval.String(), "rise": checkFall, "fall": checkFall,
	}}, []vicar.Track{{Check: "nginx", Weight: vicar.Weight(c.weight)}}
}

// service is one measured failure of the service.
type service struct {
	Side   string        `json:"program"`
	Weight int           `json:"weight"` // 0: a fault
	Run    int           `json:"run"`
	Outage time.Duration `json:"outage_ns"` // from the kill to the client's next answer
	Open   bool          `json:"open"`      // it was not back in time
	Late   time.Duration `json:"late_ns"`   // the probe's worst lateness
}

// services measures the failures, the programs in turns.
func (b *bench) services(ctx context.Context) error {
	for _, weight := range serviceWeights {
		for run := range b.runs {
			for _, s := range b.sides {
				m := service{Side: s.name, Weight: weight, Run: run}
				if err := b.failService(ctx, s, &m); err != nil {
					return fmt.Errorf("%s, nginx killed, run %d: %w", s.name, run, err)
				}
				b.results.Services = append(b.results.Services, m)
				b.clock.step(costOfService, "%-10s nginx killed, %-8s run %2d: %6.1f ms", s.name, weightName(weight), run+1, msec(m.Outage))
			}
		}
	}
	return nil
}

// failService measures one.
func (b *bench) failService(ctx context.Context, s side, m *service) (err error) {
	var servers []*nginx.Server
	defer func() {
		for _, n := range servers {
			err = errors.Join(err, n.Kill())
		}
	}()
	for _, h := range []*lab.Host{b.a, b.b} {
		n, err := nginx.Start(h, b.dir, nginx.Config{})
		if err != nil {
			return err
		}
		servers = append(servers, n)
	}
	c := one(serviceInterval)
	c.health = &health{m.Weight}
	p, err := b.start(ctx, s, c, 20*time.Second)
	defer func() { err = errors.Join(err, b.clean(p)) }()
	if err != nil {
		return err
	}
	session := probe.New(time.Millisecond)
	defer session.Close()
	client, err := session.Service(b.client, netip.AddrPortFrom(moving.Addr(), 80), 2*serviceWindow)
	if err != nil {
		return err
	}
	probing, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- session.Run(probing) }()
	// Another point between two checks each time.
	if err := sleep(ctx, 500*time.Millisecond+checkInterval*time.Duration(m.Run)/time.Duration(b.runs)); err != nil {
		return err
	}
	at := session.Now()
	if err := servers[0].SignalAll(9); err != nil {
		return err
	}
	if err := sleep(ctx, serviceWindow); err != nil {
		return err
	}
	to := session.Now()
	cancel()
	if err := <-done; err != nil {
		return err
	}
	if client.Answered() == 0 {
		return errors.New("the client was never answered")
	}
	o := client.Worst(at-lead, to)
	m.Outage, m.Open, m.Late = o.End-at, o.Open, session.Lateness().Max
	return nil
}

func weightName(weight int) string {
	if weight == 0 {
		return "fault"
	}
	return fmt.Sprint(weight)
}

// services prints the table of failing services.
func (r *results) services(w io.Writer) {
	skew := serviceInterval * (256 - worse) / 256
	detect := checkFall * checkInterval
	fmt.Fprintf(w, `
## The service fails

nginx is killed on the holder; how long until a client that asks each
millisecond is answered again, in milliseconds. Adverts each %v, checks each %v,
fall %d. keepalived runs a script that connects, which it can do each second at
the shortest; vicar's check asks for the page.
Bound: for a fault fall x the check's interval + skew + 20 ms, for a weight fall
x the check's interval + 3 adverts + skew.

| weight | program | runs | min | median | p90 | max | bound |
|---|---|---|---|---|---|---|---|
`, serviceInterval, checkInterval, checkFall)
	for _, weight := range serviceWeights {
		bound := detect + skew + 20*time.Millisecond
		if weight != 0 {
			bound = detect + 3*serviceInterval + skew
		}
		for _, side := range []string{"keepalived", "vicar"} {
			var outages []time.Duration
			open := 0
			for _, m := range r.Services {
				if m.Side != side || m.Weight != weight {
					continue
				}
				outages = append(outages, m.Outage)
				if m.Open {
					open++
				}
			}
			if len(outages) == 0 {
				continue
			}
			worst := fmt.Sprintf("%.1f", msec(slices.Max(outages)))
			if open > 0 {
				worst += fmt.Sprintf(" (%d not back)", open)
			}
			fmt.Fprintf(w, "| %s | %s | %d | %.1f | %.1f | %.1f | %s | %.1f |\n", weightName(weight), side, len(outages),
				msec(slices.Min(outages)), msec(median(outages)), msec(quantile(outages, 0.9)), worst, msec(bound))
		}
	}
}

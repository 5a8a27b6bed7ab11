// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/nginx"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// The load of many checks: how many, how often each, and the interval of the
// adverts whose lateness is looked at.
const (
	manyChecks       = 1000
	manyCheckEvery   = time.Second
	manyCheckAdverts = 10 * time.Millisecond
)

// checkKinds are what the checks are. Without any is what the others' adverts
// are compared with; bare is a loop over net/http in place of the agent.
var checkKinds = []string{"none", "tcp", "http", bareLoop}

// bareLoop is also the argument with which the bench is that loop.
const bareLoop = "bare-http"

// checkLoad is one measured load of checks.
type checkLoad struct {
	Kind string `json:"kind"`
	Run  int    `json:"run"`
	Use  usage  `json:"use"`
	// Late is how far the adverts' distances were from the interval.
	LateMedian time.Duration `json:"late_median_ns"`
	LateP99    time.Duration `json:"late_p99_ns"`
	LateMax    time.Duration `json:"late_max_ns"`
}

// checkLoads measures all of them, in turns.
func (b *bench) checkLoads(ctx context.Context) error {
	for run := range b.loadRuns {
		for _, kind := range checkKinds {
			m := checkLoad{Kind: kind, Run: run}
			if err := b.checkLoad(ctx, &m); err != nil {
				return fmt.Errorf("%d checks, %s: %w", manyChecks, kind, err)
			}
			b.results.Checks = append(b.results.Checks, m)
			b.clock.step(costOfLoad(b.load), "%d checks: %-9s run %d: CPU %.1f %%, adverts late %.3f ms median, %.3f ms p99", manyChecks, kind, run+1,
				100*m.Use.CPU, msec(m.LateMedian), msec(m.LateP99))
		}
	}
	return nil
}

// checkLoad measures one.
func (b *bench) checkLoad(ctx context.Context, m *checkLoad) (err error) {
	server, err := nginx.Start(b.server, b.dir, nginx.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Kill()) }()
	if m.Kind == bareLoop {
		return b.bareLoad(ctx, m)
	}
	dir := filepath.Join(b.dir, fmt.Sprintf("checks-%s-%d", m.Kind, m.Run))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	c := one(manyCheckAdverts)
	c.checks = checksOf(m.Kind)
	a, err := b.sides[1].start(b.a, dir, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.clean(pair{a: a})) }()
	if err := await(ctx, 20*time.Second, "the agent holds the address", func() (bool, error) {
		return b.a.Has(moving.Addr())
	}); err != nil {
		return err
	}
	return b.measureLoad(ctx, a.process(), m)
}

// measureLoad measures what a process uses, and its adverts if it sends any.
func (b *bench) measureLoad(ctx context.Context, p *lab.Process, m *checkLoad) error {
	if err := sleep(ctx, loadSettle); err != nil {
		return err
	}
	session := probe.New(time.Millisecond)
	adverts, err := session.Adverts(b.lab, b.a)
	if err != nil {
		return err
	}
	adverts.Keep()
	hearing, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- session.Run(hearing) }()
	begin, before := time.Now(), p.Usage()
	if err := sleep(ctx, b.load); err != nil {
		return err
	}
	after, took := p.Usage(), time.Since(begin)
	cancel()
	if err := <-done; err != nil {
		return err
	}
	if p.Ended() {
		return fmt.Errorf("it ended:\n%s", p.Output)
	}
	m.Use = between(before, after, took)
	if late := apart(adverts.Times(), manyCheckAdverts); len(late) > 0 {
		m.LateMedian, m.LateP99, m.LateMax = median(late), quantile(late, 0.99), slices.Max(late)
	}
	return nil
}

// apart is how far each distance between two adverts was from the interval.
func apart(times []time.Duration, interval time.Duration) []time.Duration {
	var out []time.Duration
	for i := 1; i < len(times); i++ {
		out = append(out, (times[i] - times[i-1] - interval).Abs())
	}
	return out
}

// checksOf is many checks of the server.
func checksOf(kind string) map[string]vicar.Check {
	targets := map[string]string{"tcp": addrS.Addr().String() + ":80", "http": "http://" + addrS.Addr().String() + "/"}
	if targets[kind] == "" {
		return nil
	}
	checks := make(map[string]vicar.Check, manyChecks)
	for n := range manyChecks {
		checks[fmt.Sprintf("c%04d", n)] = vicar.Check{kind: targets[kind], "interval": manyCheckEvery.String(), "weight": -1}
	}
	return checks
}

// bareLoad measures the loop.
func (b *bench) bareLoad(ctx context.Context, m *checkLoad) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	p, err := b.a.Start(b.a.Command(self, bareLoop, "-url", "http://"+addrS.Addr().String()+"/"))
	if err != nil {
		return err
	}
	return errors.Join(b.measureLoad(ctx, p, m), p.Kill())
}

// loopBare asks for a page as often as the checks do, with the least that
// net/http needs: a client each, connections kept, the next one each interval.
func loopBare(args []string) error {
	f := flag.NewFlagSet(bareLoop, flag.ContinueOnError)
	url := f.String("url", "", "page to ask for")
	if err := f.Parse(args); err != nil {
		return err
	}
	failed := make(chan error)
	for n := range manyChecks {
		go func() {
			time.Sleep(manyCheckEvery * time.Duration(n) / manyChecks)
			failed <- askBare(*url)
		}()
	}
	return <-failed
}

// askBare is one of the loop's.
func askBare(url string) error {
	client := &http.Client{Transport: new(http.Transport), Timeout: manyCheckEvery}
	for range time.Tick(manyCheckEvery) {
		//nolint:noctx // the client's Timeout bounds it
		res, err := client.Get(url)
		if err != nil {
			return fmt.Errorf("asking: %w", err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if err := res.Body.Close(); err != nil {
			return fmt.Errorf("ending the answer: %w", err)
		}
	}
	return nil
}

// checks prints the table of check loads.
func (r *results) checks(w io.Writer) {
	fmt.Fprintf(w, `
## %d checks

Of an nginx on another host, each every %v, on an agent that holds an address.
CPU in percent of one processor. bare-http: a loop over net/http with kept
connections in place of the agent. Adverts: how far the distance of two was from
their interval, %v, on the wire.

| checks | run | CPU | RSS | adverts off: median | p99 | max |
|---|---|---|---|---|---|---|
`, manyChecks, manyCheckEvery, manyCheckAdverts)
	for _, m := range r.Checks {
		late := "| - | - | - |"
		if m.LateMax > 0 {
			late = fmt.Sprintf("| %.3f ms | %.3f ms | %.3f ms |", msec(m.LateMedian), msec(m.LateP99), msec(m.LateMax))
		}
		fmt.Fprintf(w, "| %s | %d | %.1f %% | %.1f MB %s\n", m.Kind, m.Run+1, 100*m.Use.CPU, mega(m.Use.RSS), late)
	}
}

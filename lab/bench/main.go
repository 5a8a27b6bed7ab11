// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Command bench measures failovers and load of vicar and keepalived side by
// side: in one run, in turns, on the same hosts of a lab. It prints a report
// in Markdown, and writes every single measurement as JSON if asked to.
//
//	go run ./lab/bench -json results.json > report.md
//
// It takes root, or user namespaces, and about an hour. Each failover is
// caused at another point between two adverts, the same for both programs, so
// that chance in that point favours none.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/uml"
)

// options are the command line's.
type options struct {
	runs      int
	modes     []string
	intervals []time.Duration
	parts     []string
	load      time.Duration
	loadRuns  int
	json      string
	// guardProbe is how often the probers of the guard's part ask.
	guardProbe time.Duration
	guardModes []string
	poolParts  []string
}

// The parts of the benchmark.
const (
	partFailover  = "failover"
	partLoad      = "load"
	partAddresses = "addresses"
	partService   = "service"
	partChecks    = "checks"
	partGuard     = "guard"
	partCloud     = "cloud"
	partPools     = "pools"
)

// allParts are all of them.
var allParts = []string{partFailover, partLoad, partAddresses, partService, partChecks, partGuard, partCloud, partPools}

func main() {
	code, done, err := lab.Reexec()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	if done || err != nil {
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == bareLoop {
		fmt.Fprintln(os.Stderr, "bench:", loopBare(os.Args[2:]))
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench: interrupted")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.IntVar(&o.runs, "runs", 10, "failovers of each kind and program")
	modes := f.String("modes", strings.Join(modeNames(), ","), "how the holder goes")
	intervals := f.String("intervals", "10ms,100ms,1s", "advertisement intervals of the failovers")
	parts := f.String("only", strings.Join(allParts, ","), "parts to run")
	f.DurationVar(&o.load, "load", 30*time.Second, "how long each load test measures")
	f.IntVar(&o.loadRuns, "load-runs", 1, "load tests of each interval and program")
	f.DurationVar(&o.guardProbe, "guard-probe", 200*time.Microsecond, "how often the probers of part guard ask")
	guardModes := f.String("guard-modes", strings.Join(guardModeNames(), ","), "how the holder goes in part guard, and its load")
	poolParts := f.String("pool-parts", strings.Join(allPoolParts, ","), "what part pools measures")
	f.StringVar(&o.json, "json", "", "write all measurements to this file")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.runs < 1 || o.guardProbe < 50*time.Microsecond {
		return o, fmt.Errorf("unexpected arguments %q, or -runs below 1, or -guard-probe below 50us", f.Args())
	}
	o.modes, o.parts = strings.Split(*modes, ","), strings.Split(*parts, ",")
	for _, m := range o.modes {
		if !slices.Contains(modeNames(), m) {
			return o, fmt.Errorf("-modes: %q is none of %v", m, modeNames())
		}
	}
	o.guardModes = strings.Split(*guardModes, ",")
	for _, m := range o.guardModes {
		if !slices.Contains(guardModeNames(), m) {
			return o, fmt.Errorf("-guard-modes: %q is none of %q", m, guardModeNames())
		}
	}
	o.poolParts = strings.Split(*poolParts, ",")
	for _, p := range o.poolParts {
		if !slices.Contains(allPoolParts, p) {
			return o, fmt.Errorf("-pool-parts: %q is none of %q", p, allPoolParts)
		}
	}
	for _, p := range o.parts {
		if !slices.Contains(allParts, p) {
			return o, fmt.Errorf("-only: there is no part %q", p)
		}
	}
	for text := range strings.SplitSeq(*intervals, ",") {
		d, err := time.ParseDuration(text)
		if err != nil || d < 10*time.Millisecond {
			return o, fmt.Errorf("-intervals: %q is not an interval of 10ms or more", text)
		}
		o.intervals = append(o.intervals, d)
	}
	return o, nil
}

// run measures and reports what was measured, even if it was interrupted.
func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	err = b.measure(ctx)
	if uml.Inside() {
		return errors.Join(err, b.tellHost())
	}
	b.results.report(os.Stdout)
	if o.json != "" {
		err = errors.Join(err, b.results.write(o.json))
	}
	return err
}

// write writes the results to a file.
func (r *results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the results: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

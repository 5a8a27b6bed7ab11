// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// progress tells on standard error what was done and how long the rest takes.
type progress struct {
	left, done time.Duration // expected
	begin      time.Time
}

// costOfMove is how long a move of many addresses is expected to take.
const costOfMove = 12 * time.Second

// costOfService is how long a failure of the service is expected to take.
const costOfService = 7 * time.Second

// costOfCloud is how long a move in the cloud is expected to take.
const costOfCloud = 6 * time.Second

// What measurements of pools are expected to take.
const (
	costOfPlane        = 10 * time.Second
	costOfPoolStart    = 30 * time.Second
	costOfPoolFailure  = 3 * time.Second
	costOfPoolFailover = 8 * time.Second
)

// costOfFailover is how long a failover is expected to take.
func costOfFailover(interval time.Duration) time.Duration {
	return time.Second + 8*interval + window(interval)
}

// costOfLoad is how long a load test is expected to take.
func costOfLoad(d time.Duration) time.Duration { return d + loadSettle + 5*time.Second }

// plan adds up what is expected.
func (p *progress) plan(o options) {
	p.begin = time.Now()
	const sides = 2
	if slices.Contains(o.parts, partFailover) {
		for _, i := range o.intervals {
			p.left += costOfFailover(i) * time.Duration(sides*len(o.modes)*o.runs)
		}
	}
	if slices.Contains(o.parts, partLoad) {
		p.left += costOfLoad(o.load) * time.Duration(sides*o.loadRuns*len(loadIntervals))
	}
	if slices.Contains(o.parts, partService) {
		p.left += costOfService * time.Duration(sides*len(serviceWeights)*o.runs)
	}
	if slices.Contains(o.parts, partChecks) {
		p.left += costOfLoad(o.load) * time.Duration(len(checkKinds)*o.loadRuns)
	}
	if slices.Contains(o.parts, partGuard) {
		for _, m := range guardModes {
			if !slices.Contains(o.guardModes, m.name) {
				continue
			}
			p.left += m.planned(o.runs)
		}
		if slices.Contains(o.guardModes, guardLoadName) {
			p.left += costOfLoad(o.load) * time.Duration(sides*o.loadRuns)
		}
	}
	if slices.Contains(o.parts, partCloud) {
		p.left += costOfCloud * time.Duration(2*o.runs)
	}
	if slices.Contains(o.parts, partPools) {
		p.left += planeRuns*(costOfPlane+costOfPoolStart) + time.Duration(o.runs)*(costOfPoolFailure+2*costOfPoolFailover)
	}
	if slices.Contains(o.parts, partAddresses) {
		p.left += costOfMove * time.Duration(sides*min(o.runs, manyRuns))
	}
}

// step tells that something of an expected cost is done.
func (p *progress) step(cost time.Duration, format string, args ...any) {
	p.done += cost
	p.left -= cost
	rate := float64(time.Since(p.begin)) / float64(p.done)
	eta := time.Duration(float64(max(0, p.left)) * rate).Round(time.Second)
	fmt.Fprintf(os.Stderr, "%s   [%v left]\n", fmt.Sprintf(format, args...), eta)
}

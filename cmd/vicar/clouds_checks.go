// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// readiness is the kind of the check whether this node could take a router over
// in the cloud. It passes while the node holds it: an outage of the cloud's
// interfaces moves nothing by itself.
type readiness struct {
	router config.Router
	iface  string
}

// Kind satisfies checks.Kind.
func (readiness) Kind() string { return "cloud" }

// Target satisfies checks.Kind.
func (k readiness) Target() string {
	var kinds []string
	for _, m := range k.router.Move {
		if m.Kind != config.MoveKernel {
			kinds = append(kinds, string(m.Kind))
		}
	}
	return strings.Join(kinds, ", ")
}

// interruption is the kind of the check whether the cloud has announced the end of
// this machine.
type interruption struct{}

// Kind satisfies checks.Kind.
func (interruption) Kind() string { return "cloud_signals" }

// Target satisfies checks.Kind.
func (interruption) Target() string { return "the metadata service" }

// readinessCheck is the name of a router's. No configured one has a slash.
func readinessCheck(router string) string { return config.CheckCloud + "/" + router }

const (
	signalsInterval = 5 * time.Second
	// examineAWS is how long a means of AWS may take to look at all: it asks for one
	// thing after the other, and an answer that takes as long as an attempt to move
	// something may is good enough.
	examineAWS = 30 * time.Second
	// examineSlack is what a program's look takes besides its time limit.
	examineSlack = time.Second
)

// examineTime is how long it may take to look whether a router could be taken over,
// by one of its means after the other.
func examineTime(r config.Router) (limit time.Duration) {
	for _, m := range r.Move {
		switch {
		case m.Kind == config.MoveExec:
			limit += m.Timeout + examineSlack
		case m.Kind.AWS():
			limit += examineAWS
		}
	}
	return limit
}

// movingTime is how long it may well take until a router's addresses are here, and
// who waits for a handover does. Their movers go on after that.
func movingTime(r config.Router) (limit time.Duration) {
	const aws, most = 10 * time.Second, 20 * time.Second
	for _, m := range r.Move {
		switch {
		case m.Kind == config.MoveExec:
			limit += 3 * m.Timeout
		case m.Kind.AWS():
			limit += aws
		}
	}
	return min(limit, most)
}

// nodeChecks are the configured checks of a node and those of its clouds.
func nodeChecks(c *config.Config, node string) []checks.Check {
	all := c.NodeChecks(node)
	watch := c.Watch()
	if watch.Readiness == 0 || witness(c, node) {
		return all
	}
	some := false
	for _, m := range c.Members(node) {
		if !m.Router.Cloud() {
			continue
		}
		some = true
		all = append(all, checks.Check{
			Name: readinessCheck(m.Router.Name), Kind: readiness{m.Router, m.Interface},
			Interval: watch.Readiness, Timeout: examineTime(m.Router), Rise: 1, Fall: 2, Jitter: 0.1,
		})
	}
	if some && c.UsesAWS() {
		all = append(all, checks.Check{
			Name: config.CheckSignals, Kind: interruption{}, Interval: signalsInterval, Timeout: signalsInterval, Rise: 1, Fall: 1, InitialPass: true,
		})
	}
	return all
}

// cloudTracks are what clouds do to a router's election.
func cloudTracks(c *config.Config, r config.Router) []track.Track {
	if !r.Cloud() {
		return nil
	}
	tracks := []track.Track{{Check: readinessCheck(r.Name), Weight: c.Watch().Weight}}
	if c.UsesAWS() {
		tracks = append(tracks, track.Track{Check: config.CheckSignals, Yield: true})
	}
	return tracks
}

// probe is the probe of a kind that is about clouds; else nil. There may be none.
func (u *clouds) probe(k checks.Kind) checks.Probe {
	if u == nil {
		return nil
	}
	switch k := k.(type) {
	case readiness:
		return readinessProbe{u, k}
	case interruption:
		return &u.signals
	default:
		return nil
	}
}

type readinessProbe struct {
	clouds *clouds
	readiness
}

// Probe looks whether a take-over would succeed.
func (p readinessProbe) Probe(ctx context.Context) error {
	found, held, err := p.clouds.examine(ctx, p.router, p.iface)
	if held {
		p.clouds.note(p.router.Name, nil)
		return nil
	}
	if err != nil {
		found = append(found, status.Finding{Router: p.router.Name, What: "whether it could be taken over", Problem: err.Error()})
	}
	p.clouds.note(p.router.Name, found)
	var problems []error
	for _, f := range found {
		if !f.OK {
			problems = append(problems, fmt.Errorf("%s: %s", f.What, f.Problem))
		}
	}
	return errors.Join(problems...)
}

// Close satisfies checks.Probe.
func (readinessProbe) Close() error { return nil }

// examine looks at all that a take-over of the router needs. held tells that this
// node has it, and that nothing was looked at.
func (u *clouds) examine(ctx context.Context, r config.Router, iface string) (found []status.Finding, held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, examineTime(r))
	defer cancel()
	claim := vip.Claim{Router: r.Name, Interface: iface, Addresses: slices.Concat(r.Addresses, r.Exclude)}
	for _, want := range r.Move {
		if want.Kind == config.MoveKernel {
			continue
		}
		m, err := u.mover(want)
		if err != nil {
			found = append(found, unusable(r, want, err))
			continue
		}
		if m.Status(r.Name).Wanted {
			return nil, true, nil
		}
		fs, err := m.Examine(ctx, claim)
		if err != nil {
			return found, false, err
		}
		found = append(found, findings(m, r.Name, fs)...)
	}
	return found, false, nil
}

// unusable is what is found of a mover that can't be had.
func unusable(r config.Router, m config.Mover, err error) status.Finding {
	f := status.Finding{Router: r.Name, Mover: string(m.Kind), What: string(m.Kind), Problem: err.Error(), Remedy: "restart the agent"}
	if m.Kind == config.MoveExec {
		f.What, f.Remedy = "the program "+m.Exec[0], "install it where root alone can change it, or correct exec in the router's move"
	}
	return f
}

func findings(m *cloud.Mover, router string, fs []cloud.Finding) []status.Finding {
	var all []status.Finding
	for _, f := range fs {
		all = append(all, finding(m.Kind(), router, f))
	}
	return all
}

// finding is one as status has it.
func finding(mover, router string, f cloud.Finding) status.Finding {
	return status.Finding{
		Mover: mover, Router: router, What: f.What, OK: f.OK, Untried: f.Untried, Problem: f.Problem, Remedy: f.Remedy, Missing: f.Missing,
	}
}

// note keeps what was found for a router, for status.
func (u *clouds) note(router string, found []status.Finding) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.findings[router] = found
}

// found is what was found last for all routers of the configuration that are looked at.
// The others are forgotten: a reload has changed them.
func (u *clouds) found(c *config.Config) []status.Finding {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.DeleteFunc(u.findings, func(name string, _ []status.Finding) bool {
		return !slices.ContainsFunc(c.Routers, func(r config.Router) bool { return r.Name == name && r.Cloud() })
	})
	var all []status.Finding
	for _, router := range slices.Sorted(maps.Keys(u.findings)) {
		all = append(all, u.findings[router]...)
	}
	return all
}

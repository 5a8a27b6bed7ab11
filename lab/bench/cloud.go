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
	"time"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/lab/vpc"
)

// What moves in the cloud, and how slow that is.
const (
	cloudInterval  = 100 * time.Millisecond
	cloudLatency   = 50 * time.Millisecond
	cloudTables    = 5
	cloudAddresses = 25
)

// The kinds of cloudMove.
const (
	cloudRoutes    = "one overlay address, 5 tables"
	cloudSecondary = "25 secondary addresses"
)

// cloudMove is a failover in a cloud: the holder's link was cut.
type cloudMove struct {
	Kind   string        `json:"kind"`
	Run    int           `json:"run"`
	Phase  time.Duration `json:"phase_ns"`
	Outage time.Duration `json:"outage_ns"` // from the cut to the first answer
	Open   bool          `json:"open"`
	// Noticed is when the other was Active, after the cut; Wire how long after that
	// the first request that writes was at the API, Spread how long after that the
	// last one was, and Writes how many they were.
	Noticed time.Duration `json:"noticed_ns"`
	Wire    time.Duration `json:"wire_ns"`
	Spread  time.Duration `json:"spread_ns"`
	Writes  int           `json:"writes"`
	// Started are processes that the new holder had after it and not before.
	Started int           `json:"started"`
	Control time.Duration `json:"control_ns"`
	Holder  usage         `json:"holder"` // of the agent, before the cut
	Standby usage         `json:"standby"`

	at, to time.Duration // in the session's time
}

// cloudWorld is a cluster in a region.
type cloudWorld struct {
	region  *vpc.VPC
	lab     *lab.Lab
	hosts   []*lab.Host
	agents  []*vicar.Agent
	session *probe.Session
	client  *probe.Client
	control *probe.Client
}

// clouds measures failovers in an imitated cloud.
func (b *bench) clouds(ctx context.Context) error {
	for _, kind := range []string{cloudRoutes, cloudSecondary} {
		if err := b.cloud(ctx, kind); err != nil {
			return fmt.Errorf("cloud, %s: %w", kind, err)
		}
	}
	return nil
}

// cloud measures one kind; where the address goes back between.
func (b *bench) cloud(ctx context.Context, kind string) (err error) {
	w := new(cloudWorld)
	if w.lab, err = lab.New(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if err := b.buildCloud(w, kind); err != nil {
		return err
	}
	probing, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.session.Run(probing) }()
	var moves []cloudMove
	for run := range b.runs {
		m := cloudMove{Kind: kind, Run: run}
		if err = w.move(ctx, &m, b.runs); err != nil {
			err = fmt.Errorf("run %d: %w", run+1, err)
			break
		}
		moves = append(moves, m)
		b.clock.step(costOfCloud, "cloud, %s, run %2d: Active after %.1f ms, request %.2f ms later, %d writes", kind, run+1, msec(m.Noticed), msec(m.Wire), m.Writes)
	}
	cancel()
	if err = errors.Join(err, <-done); err != nil {
		return err
	}
	for _, m := range moves {
		o := w.client.Gap(m.at-lead, m.to)
		m.Outage, m.Open = o.End-m.at, o.Open
		m.Control = w.control.Gap(m.at-lead, m.to).Duration()
		b.results.Clouds = append(b.results.Clouds, m)
	}
	return nil
}

func (b *bench) buildCloud(w *cloudWorld, kind string) (err error) {
	b.starts++
	addresses, move := []netip.Prefix{netip.MustParsePrefix("198.51.100.7/32")}, "aws-route"
	if kind == cloudSecondary {
		addresses, move = nil, "aws-secondary-ip"
		for n := range byte(cloudAddresses) {
			addresses = append(addresses, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, 100 + n}), 24))
		}
	}
	region := awsfake.Cluster(3, cloudTables)
	region.Latency = awsfake.Exactly(cloudLatency)
	if w.region, err = vpc.New(w.lab, vpc.Config{Region: region, Follow: []netip.Addr{addresses[0].Addr()}}); err != nil {
		return err
	}
	conf := vicar.Config{
		Cluster: "bench", Nodes: make(map[string]vicar.Node), Transport: &vicar.Transport{Kind: "unicast"},
		PeerLink: &vicar.PeerLink{Port: guardPort, Keys: []string{guardKey()}},
		Guard:    &vicar.Guard{Kind: "quorum", MaxLease: vicar.Duration(guardLease(cloudInterval))},
		Routers:  map[string]vicar.Router{"web": {VRID: 51, Interval: vicar.Duration(cloudInterval), Addresses: addresses, Move: []any{move, "kernel"}}},
		AWS: &vicar.AWS{
			Region: "eu-central-1", Endpoints: map[string]string{"ec2": vpc.API, "imds": vpc.IMDS},
			Readiness: &vicar.Readiness{Interval: vicar.Duration(2 * time.Second)},
		},
	}
	for n := range cloudTables {
		conf.AWS.RouteTables = append(conf.AWS.RouteTables, awsfake.ClusterRoutes(n+1))
	}
	for n, name := range []string{"lb-1", "lb-2", "arbiter"} {
		at := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(11 + n)}), 24)
		h, err := w.lab.Host(name, at)
		if err != nil {
			return err
		}
		w.hosts = append(w.hosts, h)
		if err := w.region.Join(h); err != nil {
			return err
		}
		conf.Nodes[name] = vicar.Node{Address: []netip.Addr{at.Addr()}, Priority: []int{better, worse, 0}[n], Witness: n == 2}
	}
	for _, h := range w.hosts {
		dir := filepath.Join(b.dir, fmt.Sprintf("%d%s", b.starts, h.Name))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return fmt.Errorf("making a directory: %w", err)
		}
		a, err := vicar.Start(h, b.binary, dir, conf)
		if err != nil {
			return err
		}
		w.agents = append(w.agents, a)
	}
	w.session = probe.New(time.Millisecond)
	if w.client, err = w.session.Client(w.region.Client, addresses[0].Addr()); err != nil {
		return err
	}
	w.control, err = w.session.Client(w.region.Client, netip.MustParseAddr("192.0.2.1"))
	return err
}

// move cuts the first host off and lets it return.
func (w *cloudWorld) move(ctx context.Context, m *cloudMove, runs int) error {
	if err := await(ctx, 30*time.Second, "all is well", func() (bool, error) { return w.well(ctx), nil }); err != nil {
		return fmt.Errorf("%w\n%s", err, w.agents[0].Output)
	}
	// A whole second, so that looks after the last move are over, and a part of the
	// interval.
	m.Phase = cloudInterval * time.Duration(m.Run) / time.Duration(runs)
	if err := sleep(ctx, time.Second+m.Phase); err != nil {
		return err
	}
	before, err := w.agents[1].Children()
	if err != nil {
		return err
	}
	m.Holder, m.Standby = memory(w.agents[0].Process), memory(w.agents[1].Process)
	w.region.Forget()
	m.at = w.session.Now()
	cut := time.Now()
	if err := w.lab.Cut(w.hosts[0]); err != nil {
		return err
	}
	if err := await(ctx, 10*time.Second, "the other one holds", func() (bool, error) {
		return w.has(ctx, 1) && w.client.Last() > m.at+lead, nil
	}); err != nil {
		return err
	}
	if err := sleep(ctx, 500*time.Millisecond); err != nil {
		return err
	}
	m.to = w.session.Now()
	st, err := w.agents[1].Status(ctx)
	if err != nil {
		return err
	}
	active := st.Routers[0].Since
	m.Noticed = active.Sub(cut)
	w.count(m, active)
	after, err := w.agents[1].Children()
	if err != nil {
		return err
	}
	m.Started = len(slices.DeleteFunc(after, func(pid int) bool { return slices.Contains(before, pid) }))
	return w.lab.Heal()
}

// count looks at the requests that wrote.
func (w *cloudWorld) count(m *cloudMove, active time.Time) {
	var first, last time.Time
	for _, r := range w.region.Requests() {
		if !r.Write || r.DryRun || r.Service != "ec2" {
			continue
		}
		if m.Writes == 0 {
			first = r.At
		}
		last = r.At
		m.Writes++
	}
	m.Wire, m.Spread = first.Sub(active), last.Sub(first)
}

// has tells whether a host's agent holds all.
func (w *cloudWorld) has(ctx context.Context, n int) bool {
	st, err := w.agents[n].Status(ctx)
	if err != nil || len(st.Routers) == 0 || len(st.Routers[0].Movers) == 0 {
		return false
	}
	m := st.Routers[0].Movers[0]
	return st.Routers[0].State == "Active" && m.Moved == len(m.Objects)
}

// well tells whether the first host holds, and the second one could take over.
func (w *cloudWorld) well(ctx context.Context) bool {
	for _, a := range w.agents {
		if !a.Ready(ctx) {
			return false
		}
	}
	st, err := w.agents[1].Status(ctx)
	if err != nil || st.Routers[0].Priority != worse {
		return false
	}
	return w.has(ctx, 0)
}

// memory is what a process has now.
func memory(p *lab.Process) usage {
	u := p.Usage()
	return usage{RSS: u.RSS, Own: u.Own}
}

// close ends the agents, the region and the lab.
func (w *cloudWorld) close() error {
	var errs []error
	for _, a := range w.agents {
		errs = append(errs, a.KillFamily(), a.Kill())
	}
	if w.region != nil {
		errs = append(errs, w.region.Close())
	}
	return errors.Join(append(errs, w.lab.Close())...)
}

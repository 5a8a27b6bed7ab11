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
	"strconv"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/probe"
	"github.com/vicar-ha/vicar/lab/site"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/pool"
)

// The pool of which a server or a director fails.
const (
	poolInterval  = 100 * time.Millisecond // of the servers' checks, and of adverts
	poolTimeout   = time.Second            // of the checks; what is refused needs none
	poolFall      = 2
	poolBound     = poolFall*poolInterval + 50*time.Millisecond
	poolServers   = 4
	poolWindow    = 600 * time.Millisecond // after a server's death
	failoverLasts = 4 * time.Second
)

// poolWeb is where it is.
var poolWeb = netip.AddrPortFrom(site.VIP.Addr(), site.Port)

// poolSite is a site with a program on its directors.
type poolSite struct {
	*site.Site
	b      *bench
	lab    *lab.Lab
	agents [2]*vicar.Agent
}

// site makes a site.
func (b *bench) site() (*poolSite, error) {
	l, err := lab.New()
	if err != nil {
		return nil, err
	}
	s, err := site.New(l, site.Config{Servers: poolServers})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &poolSite{Site: s, b: b, lab: l}, nil
}

// close ends the site and all that runs there.
func (s *poolSite) close() error {
	err := s.lab.Close()
	s.Close()
	return err
}

// dir is a new directory, short for a socket's path.
func (b *bench) newDir() (string, error) {
	b.starts++
	dir := filepath.Join(b.dir, "p"+strconv.Itoa(b.starts))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a directory: %w", err)
	}
	return dir, nil
}

// conf is a configuration with one router and no pools.
func (s *poolSite) conf() vicar.Config {
	c := vicar.Config{
		Cluster: "bench", Nodes: make(map[string]vicar.Node), Pools: make(map[string]vicar.Block),
		Routers: map[string]vicar.Router{"web": {
			VRID: 51, Interval: vicar.Duration(poolInterval), Addresses: []netip.Prefix{site.VIP}, Exclude: []netip.Prefix{site.Inside},
		}},
	}
	for i, d := range s.Directors {
		c.Nodes[d.Name] = vicar.Node{Address: []netip.Addr{d.Outside}, Priority: better - (better-worse)*i}
	}
	return c
}

// block is a pool of the given servers.
func block(listen netip.AddrPort, servers []netip.AddrPort, interval time.Duration) vicar.Block {
	return vicar.Block{
		"listen": listen.String(), "plane": string(planeHere()), "scheduler": "wrr", "servers": servers,
		"checks": []any{vicar.Block{"tcp": "{server}", "interval": interval.String(), "timeout": poolTimeout.String(), "rise": 1, "fall": poolFall}},
	}
}

// backends are the site's servers.
func (s *poolSite) backends() []netip.AddrPort {
	var out []netip.AddrPort
	for _, v := range s.Servers {
		out = append(out, netip.AddrPortFrom(v.Addr, site.OtherPort))
	}
	return out
}

// startVicar runs vicar on the nth director.
func (s *poolSite) startVicar(n int, c vicar.Config) error {
	dir, err := s.b.newDir()
	if err != nil {
		return err
	}
	s.agents[n], err = vicar.Start(s.Directors[n].Host, s.b.binary, dir, c)
	return err
}

// serves waits until the nth director has a pool programmed with all its servers up.
func (s *poolSite) serves(ctx context.Context, n int, name string, programmed bool) error {
	a := s.agents[n]
	return await(ctx, 30*time.Second, fmt.Sprintf("%s has pool %s, programmed: %v", s.Directors[n].Name, name, programmed), func() (bool, error) {
		if a.Ended() {
			return false, fmt.Errorf("vicar ended:\n%s", a.Output)
		}
		p := a.Pool(ctx, name)
		for _, v := range p.Servers {
			if v.State != "up" || v.Programmed != programmed {
				return false, nil
			}
		}
		return len(p.Servers) > 0 && p.Programmed == programmed, nil
	})
}

// poolSides are what is measured here: keepalived where IPVS is.
func poolSides() []string {
	if planeHere() == pool.IPVS {
		return []string{sideKeepalived, sideVicar}
	}
	return []string{sideVicar}
}

// poolFailures measures the deaths of servers.
func (b *bench) poolFailures(ctx context.Context) error {
	for _, side := range poolSides() {
		if err := b.poolFailuresOf(ctx, side); err != nil {
			return fmt.Errorf("%s, a server dies: %w", side, err)
		}
	}
	return nil
}

func (b *bench) poolFailuresOf(ctx context.Context, side string) (err error) {
	s, err := b.site()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if side == sideVicar {
		c := s.conf()
		c.Pools["web"] = block(poolWeb, s.backends(), poolInterval)
		if err := s.startVicar(0, c); err != nil {
			return err
		}
	} else if err := s.startKeepalived([]keepalived.Service{{
		Address: poolWeb, Scheduler: "wrr", Servers: s.backends(), Interval: poolInterval, Timeout: poolTimeout,
	}}); err != nil {
		return err
	}
	for run := range b.runs {
		m := poolFailure{Plane: string(planeHere()), Side: side, Run: run}
		if err := s.failServer(ctx, &m); err != nil {
			return err
		}
		b.results.Pools.Failures = append(b.results.Pools.Failures, m)
		b.clock.step(costOfPoolFailure, "%-10s %s, a server dies, run %2d: last connection after %.1f ms, %d of %d failed", side, m.Plane, run+1, msec(m.Last), m.Failed, m.Tried)
	}
	return nil
}

// startKeepalived runs keepalived on the first director, which gets the addresses.
func (s *poolSite) startKeepalived(services []keepalived.Service) error {
	dir, err := s.b.newDir()
	if err != nil {
		return err
	}
	d := s.Directors[0]
	for _, a := range []netip.Prefix{site.VIP, site.Inside} {
		if err := d.AddAddress(a); err != nil {
			return err
		}
	}
	_, err = keepalived.Start(d.Host, dir, keepalived.Config{Services: services})
	return err
}

// failServer kills a server and starts it again, at another point between two checks
// each time.
func (s *poolSite) failServer(ctx context.Context, m *poolFailure) error {
	if err := s.allServe(ctx); err != nil {
		return err
	}
	trying, stop := context.WithCancel(ctx)
	defer stop()
	var all []site.Attempt
	done := make(chan error, 1)
	go func() {
		var err error
		all, err = s.Client.Attempts(trying, poolWeb, time.Millisecond)
		done <- err
	}()
	if err := sleep(ctx, 200*time.Millisecond+poolInterval*time.Duration(m.Run)/time.Duration(s.b.runs)); err != nil {
		return err
	}
	died := s.Servers[1].Kill()
	if err := sleep(ctx, poolWindow); err != nil {
		return err
	}
	stop()
	if err := <-done; err != nil {
		return err
	}
	for _, a := range all {
		m.Tried++
		if a.Err != nil {
			m.Failed++
			m.Last = a.Begin.Sub(died)
		}
	}
	return s.Servers[1].Start()
}

// allServe waits until the client is served by all servers.
func (s *poolSite) allServe(ctx context.Context) error {
	return await(ctx, 30*time.Second, "all servers serve", func() (bool, error) {
		t, err := s.Client.Connect(ctx, site.Load{Target: poolWeb, Connections: 4 * poolServers, Sources: 8, Parallel: 4})
		return t.Failed == 0 && len(t.Servers) == poolServers, err
	})
}

// poolFailovers measures the ends of directors.
func (b *bench) poolFailovers(ctx context.Context) error {
	for run := range b.runs {
		for _, mode := range []string{"stop", "cut"} {
			m := poolFailover{Plane: string(planeHere()), Mode: mode, Run: run}
			if err := b.poolFailover(ctx, &m); err != nil {
				return fmt.Errorf("%s of a director: %w", mode, err)
			}
			b.results.Pools.Failovers = append(b.results.Pools.Failovers, m)
			b.clock.step(costOfPoolFailover, "%s, %s of a director, run %2d: %.1f ms", m.Plane, mode, run+1, msec(m.Outage))
		}
	}
	return nil
}

func (b *bench) poolFailover(ctx context.Context, m *poolFailover) (err error) {
	s, err := b.site()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c := s.conf()
	c.Pools["web"] = block(poolWeb, s.backends(), poolInterval)
	c.Pools["web"]["with"] = "web"
	for n := range s.Directors {
		if err := s.startVicar(n, c); err != nil {
			return err
		}
	}
	if err := errors.Join(s.serves(ctx, 0, "web", true), s.serves(ctx, 1, "web", false)); err != nil {
		return err
	}
	session := probe.New(time.Millisecond)
	defer session.Close()
	client, err := session.Service(s.Client.Host, poolWeb, failoverLasts)
	if err != nil {
		return err
	}
	probing, cancel := context.WithTimeout(ctx, failoverLasts)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- session.Run(probing) }()
	if err := sleep(ctx, 500*time.Millisecond+poolInterval*time.Duration(m.Run)/time.Duration(b.runs)); err != nil {
		return err
	}
	at := session.Now()
	if m.Mode == "cut" {
		err = s.lab.Cut(s.Directors[0].Host)
	} else {
		err = s.agents[0].Signal(syscall.SIGTERM)
	}
	if err = errors.Join(err, <-done); err != nil {
		return err
	}
	if client.Answered() == 0 {
		return errors.New("the client was never answered")
	}
	o := client.Worst(at-lead, session.Now())
	m.Outage, m.Open = o.Duration(), o.Open
	return nil
}

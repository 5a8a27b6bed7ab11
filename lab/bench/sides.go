// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/keepalived"
	"github.com/vicar-ha/vicar/lab/vicar"
	"github.com/vicar-ha/vicar/status"
)

// setup is what both programs are told.
type setup struct {
	interval time.Duration
	routers  []router
	health   *health // nil: none
	checks   map[string]vicar.Check
}

// router is a virtual router over IPv4 multicast, version 3.
type router struct {
	vrid      uint8
	addresses []netip.Prefix
	excluded  []netip.Prefix
}

// addresses is how many addresses the holder has, with the host's own and
// the link-local one.
func (c setup) addresses() int {
	n := 2
	for _, r := range c.routers {
		n += len(r.addresses) + len(r.excluded)
	}
	return n
}

// priority is the host's, from its own address.
func priority(h *lab.Host) int {
	if h.Name == "a" {
		return better
	}
	return worse
}

// side is a program that is measured.
type side struct {
	name    string
	start   func(h *lab.Host, dir string, c setup) (agent, error)
	witness bool // it runs on the witness's host, too
}

// agent is a program on a host.
type agent interface {
	process() *lab.Process
	kill() error                                 // with all that it started
	signalAll(syscall.Signal) error              // with all that it started
	ready(ctx context.Context) bool              // all routers take part in the election
	entered(ctx context.Context) (uint64, error) // how often a router became holder
}

// keepalivedAgent implements agent.
type keepalivedAgent struct {
	*keepalived.Agent
	routers int
}

// keepalivedSide is keepalived with its defaults.
func keepalivedSide() side {
	return side{name: "keepalived", start: func(h *lab.Host, dir string, c setup) (agent, error) {
		var conf keepalived.Config
		var tracks []keepalived.Track
		if c.health != nil {
			conf.Scripts, tracks = c.health.keepalived()
		}
		for _, r := range c.routers {
			conf.Instances = append(conf.Instances, keepalived.Instance{
				VRID: r.vrid, Version: 3, Priority: priority(h), Interval: c.interval,
				Addresses: r.addresses, Excluded: r.excluded, Scripts: tracks,
			})
		}
		a, err := keepalived.Start(h, dir, conf)
		if err != nil {
			return nil, err
		}
		return &keepalivedAgent{a, len(c.routers)}, nil
	}}
}

func (a *keepalivedAgent) process() *lab.Process { return a.Process }
func (a *keepalivedAgent) kill() error           { return a.Kill() }

func (a *keepalivedAgent) signalAll(s syscall.Signal) error { return a.SignalAll(s) }
func (a *keepalivedAgent) ready(context.Context) bool       { return a.Entered("BACKUP") >= a.routers }

func (a *keepalivedAgent) entered(context.Context) (uint64, error) {
	return uint64(a.Entered("MASTER")), nil
}

// vicarAgent implements agent.
type vicarAgent struct{ *vicar.Agent }

// vicarSide is vicar with its defaults.
func vicarSide(binary string) side {
	return side{name: "vicar", start: func(h *lab.Host, dir string, c setup) (agent, error) {
		return startVicar(h, binary, dir, c.vicar())
	}}
}

// startVicar starts vicar on a host.
func startVicar(h *lab.Host, binary, dir string, c vicar.Config) (agent, error) {
	a, err := vicar.Start(h, binary, dir, c)
	if err != nil {
		return nil, err
	}
	return &vicarAgent{a}, nil
}

// vicar is the setup as vicar has it.
func (c setup) vicar() vicar.Config {
	conf := vicar.Config{
		Cluster: "bench",
		Nodes: map[string]vicar.Node{
			"a": {Address: []netip.Addr{addrA.Addr()}, Priority: better},
			"b": {Address: []netip.Addr{addrB.Addr()}, Priority: worse},
		},
		Routers: make(map[string]vicar.Router),
		Checks:  c.checks,
	}
	var tracks []vicar.Track
	for name := range c.checks {
		tracks = append(tracks, vicar.Track{Check: name, Weight: -1})
	}
	if c.health != nil {
		conf.Checks, tracks = c.health.vicar()
	}
	for _, r := range c.routers {
		conf.Routers[routerName(r.vrid)] = vicar.Router{
			VRID: int(r.vrid), Interval: vicar.Duration(c.interval),
			Addresses: r.addresses, Exclude: r.excluded, Track: tracks,
		}
	}
	return conf
}

// routerName is a router's name in vicar's configuration.
func routerName(vrid uint8) string { return "v" + strconv.Itoa(int(vrid)) }

func (a *vicarAgent) process() *lab.Process { return a.Process }

func (a *vicarAgent) ready(ctx context.Context) bool { return a.Ready(ctx) }

// signalAll implements agent. A guardian acts if the agent goes before it.
func (a *vicarAgent) signalAll(s syscall.Signal) error {
	if s == syscall.SIGKILL {
		return a.KillFamily()
	}
	return a.SignalFamily(s)
}

// kill implements agent. A guardian would outlive the agent.
func (a *vicarAgent) kill() error { return errors.Join(a.KillFamily(), a.Kill()) }

// knows tells whether the agent knows that a node could take over.
func (a *vicarAgent) knows(ctx context.Context, node string) bool {
	s, err := a.Status(ctx)
	return err == nil && slices.ContainsFunc(s.Fleet, func(n status.Node) bool {
		return n.Name == node && len(n.Resources) > 0 && n.Resources[0].State == "Backup"
	})
}

func (a *vicarAgent) entered(ctx context.Context) (uint64, error) {
	return a.Entered(ctx, "Active")
}

// versions are those of the programs and the kernel.
func versions(ctx context.Context, binary string) (map[string]string, error) {
	commands := map[string][]string{
		"vicar":      {binary, "version"},
		"keepalived": {"/usr/sbin/" + keepalived.Program, "--version"},
		"kernel":     {"uname", "-r"},
		"processors": {"nproc"},
	}
	out := make(map[string]string)
	for name, c := range commands {
		text, err := exec.CommandContext(ctx, c[0], c[1:]...).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("asking %s for its version: %w", name, err)
		}
		out[name], _, _ = strings.Cut(strings.TrimSpace(string(text)), "\n")
	}
	return out, nil
}

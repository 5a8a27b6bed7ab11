// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package demo is the newcomer's first minute: three hosts and a client made of
// network namespaces, real agents on the hosts, and what the client sees of a
// host's death, of its return and of an orderly stop.
package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
)

//go:embed vicar.yaml
var configuration []byte

// What vicar.yaml says.
const (
	vip      = "192.0.2.100"
	interval = 100 * time.Millisecond
)

// Options is what a demo needs.
type Options struct {
	Binary string    // the vicar to run on the hosts
	Out    io.Writer // where the story goes
}

// patience is how long anything in the demo may take.
const patience = 5 * time.Second

// show is a running demo.
type show struct {
	opt     Options
	lab     *lab.Lab
	hosts   []*lab.Host
	agents  []*lab.Process
	servers []*webServer
	client  *probe.Client
	probes  *probe.Session
	story   *story
	dir     string
}

// Run plays the demo. The caller has the rights that a lab needs (lab.Reexec).
// It takes less than 20 s and leaves nothing behind.
func Run(ctx context.Context, opt Options) (err error) {
	dir, err := os.MkdirTemp("", "vicar-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	l, err := lab.New()
	if err != nil {
		return errors.Join(fmt.Errorf("making a network for the demo: %w", err), os.RemoveAll(dir))
	}
	s := &show{opt: opt, lab: l, dir: dir, story: newStory(opt.Out)}
	defer func() { err = errors.Join(err, s.stopServers(), l.Close(), os.RemoveAll(dir)) }()
	if err := s.build(); err != nil {
		return err
	}
	probing, cancel := context.WithCancel(ctx)
	probed := make(chan error, 1)
	go func() { probed <- s.probes.Run(probing) }()
	acts, err := s.play(ctx)
	s.story.finish()
	cancel()
	err = errors.Join(err, <-probed)
	if err != nil {
		return err
	}
	s.sumUp(acts)
	return nil
}

// build makes the hosts, the client and the probe, and starts the agents.
func (s *show) build() error {
	file := filepath.Join(s.dir, "vicar.yaml")
	if err := os.WriteFile(file, configuration, 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	s.story.introduce()
	for n := range 3 {
		h, err := s.lab.Host(fmt.Sprintf("lb-%d", n+1), netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", 11+n)))
		if err != nil {
			return err
		}
		s.hosts = append(s.hosts, h)
	}
	client, err := s.lab.Host("client", netip.MustParsePrefix("192.0.2.50/24"))
	if err != nil {
		return err
	}
	s.probes = probe.New(time.Millisecond)
	if s.client, err = s.probes.Client(client, netip.MustParseAddr(vip)); err != nil {
		return err
	}
	s.story.begin(s.probes.Now)
	for _, h := range s.hosts {
		server := &webServer{host: h}
		s.servers = append(s.servers, server)
		if err := server.start(); err != nil {
			return err
		}
		p, err := s.agent(h, file)
		if err != nil {
			return err
		}
		s.agents = append(s.agents, p)
	}
	return nil
}

// agent starts a host's agent, whose log the story listens to.
func (s *show) agent(h *lab.Host, file string) (*lab.Process, error) {
	cmd := h.Command(s.opt.Binary, "run", "-c", file, "--node", h.Name,
		"--runtime-dir", filepath.Join(s.dir, h.Name), "--log-format", "json")
	log := s.story.listen(h.Name)
	cmd.Stdout, cmd.Stderr = log, log
	return h.Start(cmd)
}

// act is one thing that happens to the hosts.
type act struct {
	title string
	from  time.Duration // in the session's time
}

// play lets things happen and waits for what follows from each.
func (s *show) play(ctx context.Context) ([]act, error) {
	var acts []act
	happens := func(title string) {
		acts = append(acts, act{title, s.probes.Now()})
		s.story.headline(title)
	}
	if err := s.served(ctx, "lb-1"); err != nil {
		return nil, err
	}
	happens("lb-1 is cut from the network: the switch port goes dead")
	if err := s.lab.Cut(s.hosts[0]); err != nil {
		return nil, err
	}
	if err := s.served(ctx, "lb-2"); err != nil {
		return nil, err
	}
	happens("lb-1 is back and takes over again, since its priority is higher")
	if err := s.lab.Heal(s.hosts[0]); err != nil {
		return nil, err
	}
	if err := s.served(ctx, "lb-1"); err != nil {
		return nil, err
	}
	happens("the web server on lb-1 dies: its check fails twice in a row")
	if err := s.servers[0].stop(); err != nil {
		return nil, err
	}
	if err := s.served(ctx, "lb-2"); err != nil {
		return nil, err
	}
	happens("the web server on lb-1 is back")
	if err := s.servers[0].start(); err != nil {
		return nil, err
	}
	if err := s.served(ctx, "lb-1"); err != nil {
		return nil, err
	}
	happens("lb-1 is stopped in good order (SIGTERM)")
	if err := s.agents[0].Signal(syscall.SIGTERM); err != nil {
		return nil, err
	}
	return acts, s.served(ctx, "lb-2")
}

// served waits until the host is Active and the client has been answered for a
// while after that.
func (s *show) served(ctx context.Context, host string) error {
	const settled = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		since, active := s.story.active(host)
		if active && s.probes.Now() > since+settled && s.client.Last() > since+settled {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s holds %s: %w%s", host, vip, ctx.Err(), s.story.complaints())
		case <-tick.C:
		}
	}
}

// sumUp tells what the client saw of each act.
func (s *show) sumUp(acts []act) {
	end := s.probes.Now()
	for n, a := range acts {
		to := end
		if n+1 < len(acts) {
			to = acts[n+1].from
		}
		s.story.outage(a.title, s.client.Worst(a.from-100*time.Millisecond, to))
	}
	s.story.end()
}

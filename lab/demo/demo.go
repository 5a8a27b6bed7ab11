// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package demo is the newcomer's first minute: hosts and a client made of network
// namespaces, real agents on the hosts, and what the client sees of what befalls
// them. One play is on a LAN, the other one in a cloud.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
)

// interval is what the configurations say.
const interval = 100 * time.Millisecond

// Options is what a demo needs.
type Options struct {
	Binary string    // the vicar to run on the hosts
	Out    io.Writer // where the story goes
	Cloud  bool      // the address moves in a cloud
	JSON   bool      // a Report instead of the story
}

// patience is how long anything in the demo may take. On a busy machine a node may
// hold off after a take-over that failed, or be handed the address in vain, after which
// it waits for ten seconds to be asked again.
const patience = time.Minute

// plot is what is played: where, and what happens.
type plot interface {
	introduction() string
	moral() string
	timing() Timing
	vip() netip.Addr
	// build makes the hosts and starts the agents.
	build(*show) error
	// play lets things happen and waits for what follows from each.
	play(context.Context, *show) error
	close() error // before the lab's
}

// show is a running demo.
type show struct {
	opt    Options
	plot   plot
	lab    *lab.Lab
	hosts  []*lab.Host
	agents []*lab.Process
	client *probe.Client
	probes *probe.Session
	story  *story
	dir    string
	acts   []act
}

// Run plays the demo. The caller has the rights that a lab needs (lab.Reexec).
// It takes less than 30 s and leaves nothing behind.
func Run(ctx context.Context, opt Options) (err error) {
	dir, err := os.MkdirTemp("", "vicar-demo-")
	if err != nil {
		return fmt.Errorf("making a directory for the demo: %w", err)
	}
	l, err := lab.New()
	if err != nil {
		return errors.Join(fmt.Errorf("making a network for the demo: %w", err), os.RemoveAll(dir))
	}
	s := &show{opt: opt, plot: new(lan), lab: l, dir: dir, story: newStory(opt.story()), probes: probe.New(time.Millisecond)}
	if opt.Cloud {
		s.plot = new(cloud)
	}
	defer func() {
		s.story.finish()
		err = errors.Join(err, s.plot.close(), l.Close(), os.RemoveAll(dir))
	}()
	s.story.print("%s", s.plot.introduction())
	if err := s.plot.build(s); err != nil {
		return err
	}
	probing, cancel := context.WithCancel(ctx)
	probed := make(chan error, 1)
	go func() { probed <- s.probes.Run(probing) }()
	err = s.plot.play(ctx, s)
	s.story.finish()
	cancel()
	if err = errors.Join(err, <-probed); err != nil {
		return err
	}
	return s.sumUp()
}

// story is where the story goes: nowhere if only the report is wanted.
func (o Options) story() io.Writer {
	if o.JSON {
		return io.Discard
	}
	return o.Out
}

// listen adds a probe of the address from the client, and begins the story.
func (s *show) listen(client *lab.Host) (err error) {
	if s.client, err = s.probes.Client(client, s.plot.vip()); err != nil {
		return err
	}
	s.story.begin(s.probes.Now)
	return nil
}

// host adds one with an address of the LAN.
func (s *show) host(name string, last byte) (*lab.Host, error) {
	h, err := s.lab.Host(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24))
	if err == nil {
		s.hosts = append(s.hosts, h)
	}
	return h, err
}

// write writes a file into the demo's directory and returns its path.
func (s *show) write(name string, text []byte) (string, error) {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("writing a file for the demo: %w", err)
	}
	return path, nil
}

// agent starts a host's agent, whose log the story listens to.
func (s *show) agent(h *lab.Host, file string) error {
	cmd := h.Command(s.opt.Binary, "run", "-c", file, "--node", h.Name, "--log-format", "json",
		"--runtime-dir", filepath.Join(s.dir, h.Name), "--state-dir", filepath.Join(s.dir, h.Name, "state"))
	log := s.story.listen(h.Name)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := h.Start(cmd)
	if err == nil {
		s.agents = append(s.agents, p)
	}
	return err
}

// served waits until the host is Active and the client has been answered for a
// while after that.
func (s *show) served(ctx context.Context, host string) error {
	const settled = 500 * time.Millisecond
	err := s.await(ctx, fmt.Sprintf("%s holds %s", host, s.plot.vip()), func() bool {
		since, active := s.story.active(host)
		return active && s.probes.Now() > since+settled && s.client.Last() > since+settled
	})
	if since, active := s.story.active(host); active && len(s.acts) > 0 {
		s.acts[len(s.acts)-1].active = since
	}
	return err
}

// await waits until ok.
func (s *show) await(ctx context.Context, what string, ok func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting until %s: %w%s", what, ctx.Err(), s.story.complaints())
		case <-tick.C:
		}
	}
	return nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/checks/probe"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/hook"
	"github.com/vicar-ha/vicar/proof"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

// service is a running agent with what belongs to it: the control server, the
// signals and systemd.
type service struct {
	load  func() (*config.Config, string, error) // the configuration and which node this is
	build func(*config.Config, string) agent.Config
	// embody and join make what build needs for this configuration; nil: there is
	// none of it.
	embody   func(context.Context, *config.Config) (*body, error)
	ascend   func(context.Context, *config.Config, string) (*clouds, error)
	join     func(*config.Config, string, *body) (*cluster, error)
	balance  func(*config.Config, string, poolWorld) (*pools, error)
	stateDir string
	socket   string // where the control socket is if the configuration doesn't say
	dir      string // the runtime directory; empty: nothing is kept there for the next agent
	notify   notifier
	limit    time.Duration // systemd's watchdog; 0 is none
	hup      <-chan os.Signal
	log      *slog.Logger

	agent   *agent.Agent
	checks  *checks.Runner
	hooks   *hook.Notifier
	body    *body    // nil on a witness
	cluster *cluster // nil without a peer link
	clouds  *clouds  // nil where all moves by the kernel
	pools   *pools   // nil where nothing is balanced
	cfg     atomic.Pointer[config.Config]
	node    string
	restart atomic.Pointer[[]string] // what the last reload was refused for, see needsRestart
	turn    chan struct{}            // has room for the one reload at a time
}

var _ control.Backend = (*service)(nil)

// run runs the agent until ctx ends. The control server answers until the agent
// has given up what it held.
func (s *service) run(ctx context.Context) error {
	cfg, node, err := s.load()
	if err != nil {
		return err
	}
	s.warn(cfg)
	s.node, s.turn = node, make(chan struct{}, 1)
	if err := s.setUp(ctx, cfg); err != nil {
		return err
	}
	if s.body != nil {
		defer func() { _ = s.body.close() }() // the kernel takes back what does not close
	}
	server, err := control.New(control.Config{Socket: cmp.Or(cfg.Control.Socket, s.socket), HTTP: httpAddress(cfg.Control), Backend: s, Log: s.log})
	if err != nil {
		return err
	}
	s.log.Info("starting", slog.String("node", node), slog.String("cluster", cfg.Cluster),
		slog.Int("routers", len(cfg.Routers)), slog.String("digest", cfg.Digest()))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.pools != nil {
		s.pools.mover.ended = ctx.Err
	}
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	telling, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTelling()
	backing, stopBacking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBacking()
	var agentErr, serverErr, clusterErr error
	var work sync.WaitGroup
	work.Go(func() {
		defer stop()
		defer stopTelling()
		agentErr = s.agent.Run(ctx)
		stopBacking()
		s.pools.rest() // its end has something to tell, too
	})
	if s.cluster != nil {
		// It outlives the agent, for what the agent gives up.
		work.Go(func() {
			s.cluster.run(backing, func(err error) {
				clusterErr = err
				stop()
			})
		})
	}
	if s.body != nil {
		work.Go(func() { s.body.run(backing, s.seals()) })
	}
	if s.clouds != nil {
		work.Go(func() { s.clouds.run(backing) })
	}
	if s.pools != nil {
		// They outlive the agent, which gives up what they balance.
		work.Go(func() { s.pools.run(backing, s.current, s.rereadServers) })
	}
	work.Go(func() {
		defer stop()
		defer stopServing()
		// It outlives the agent, for what the agent's stop has to tell. Hooks that
		// don't end in time are no failure of the stop.
		if err := s.hooks.Run(telling); err != nil {
			s.log.Warn("hooks were not told of the stop in time", slog.Any("err", err))
		}
	})
	work.Go(func() {
		defer stop()
		serverErr = server.Run(serving)
	})
	work.Go(func() { s.attend(ctx, serving, server.Ready()) })
	work.Go(func() { s.prove(cfg) })
	work.Wait()
	if s.dir != "" && agentErr == nil {
		if err := keepGivenUp(s.dir, s.agent.GaveUp()); err != nil {
			s.log.Warn("the next agent will not go on at once", slog.Any("err", err))
		}
	}
	s.log.Info("stopped")
	return errors.Join(agentErr, serverErr, clusterErr)
}

// setUp builds the checks, the hooks and the agent that they belong to. What
// they need of the host may be missing now: a check fails then, and a hook, but
// the node takes part in the elections. A reload is strict.
func (s *service) setUp(ctx context.Context, cfg *config.Config) (err error) {
	s.cfg.Store(cfg)
	if s.ascend != nil {
		if s.clouds, err = s.ascend(ctx, cfg, s.node); err != nil {
			return err
		}
	}
	if err := s.setUpChecks(cfg); err != nil {
		return err
	}
	if s.hooks, err = hook.New(hook.Config{Hooks: hooks(cfg), Log: s.log, Tolerant: true}); err != nil {
		return fmt.Errorf("setting up the hooks: %w", err)
	}
	if err := s.connect(ctx, cfg); err != nil {
		return err
	}
	built := s.build(cfg, s.node)
	built.Checker, built.Listener = s.checks, s.hooks
	if built.Drained, err = isDrained(s.stateDir); err != nil {
		return err
	}
	if built.Drained {
		s.log.Warn("this node is drained and takes part in no election until vicar undrain")
	}
	if s.dir != "" {
		built.Resume = takeGivenUp(s.dir, s.log)
	}
	if s.body != nil {
		built.Executor = s.body.executor
	}
	if s.cluster != nil {
		built.Peers = s.cluster.fleet
		if s.cluster.guard != nil {
			built.Guard = s.cluster.guard
		}
	}
	if s.agent, err = agent.New(built); err != nil {
		return fmt.Errorf("setting up the agent: %w", err)
	}
	return nil
}

// setUpChecks builds the checks, and the pools that have checks of their own and that
// checks may be about.
func (s *service) setUpChecks(cfg *config.Config) (err error) {
	maker := probe.NewMaker()
	build := maker.Tolerant
	if s.balance != nil {
		s.pools, err = s.balance(cfg, s.node, poolWorld{
			journal: poolJournal(s.dir), stateDir: s.stateDir, log: s.log,
			tell:  func(e vip.Event) { s.hooks.Tell(e) },
			build: func(k checks.Kind) (checks.Probe, error) { return build(k) },
		})
		if err != nil {
			return err
		}
	}
	s.checks, err = checks.New(checks.Config{
		Checks: nodeChecks(cfg, s.node), Log: s.log,
		Build: func(k checks.Kind) (checks.Probe, error) {
			if p := s.clouds.probe(k); p != nil {
				return p, nil
			}
			if p := s.pools.probe(k); p != nil {
				return p, nil
			}
			return build(k)
		},
	})
	if err != nil {
		return fmt.Errorf("setting up the checks: %w", err)
	}
	build = maker.New
	return nil
}

// connect makes what reaches the kernel, and what reaches the other nodes.
func (s *service) connect(ctx context.Context, cfg *config.Config) (err error) {
	if s.embody != nil {
		if s.body, err = s.embody(ctx, cfg); err != nil {
			return err
		}
	}
	if s.join != nil {
		if s.cluster, err = s.join(cfg, s.node, s.body); err != nil {
			if s.body != nil {
				err = errors.Join(err, s.body.close())
			}
			return err
		}
	}
	return nil
}

func (s *service) seals() seals {
	if s.cluster == nil {
		return nil
	}
	return s.cluster
}

// current is the configuration in force.
func (s *service) current() *config.Config { return s.cfg.Load() }

// attend tells systemd what it wants to know and hears SIGHUP. ctx ends when
// the agent is to stop, serving when it has.
func (s *service) attend(ctx, serving context.Context, ready <-chan struct{}) {
	var side sync.WaitGroup
	defer side.Wait()
	select {
	case <-ready:
	case <-serving.Done():
		return
	}
	if s.agent.Ping(serving) == nil && ctx.Err() == nil {
		s.notify.ready()
	}
	side.Go(func() { s.notify.watchdog(serving, s.limit, s.agent) })
	for {
		select {
		case <-s.hup:
			_ = s.Reload(ctx) // it has logged what was wrong
		case <-ctx.Done():
			s.notify.stopping()
			return
		}
	}
}

// Status is the agent's, with its checks and hooks.
func (s *service) Status(ctx context.Context) (status.Status, error) {
	st, err := s.agent.Status(ctx)
	if differs := s.restart.Load(); differs != nil {
		st.NeedsRestart = *differs
	}
	st.Checks, st.Hooks = s.checks.Status(), s.hooks.Status()
	if s.cluster != nil {
		s.cluster.status(ctx, &st)
	}
	if s.body != nil {
		s.body.status(&st)
	}
	if s.pools != nil {
		s.pools.status(ctx, s.current(), &st)
	}
	if s.clouds != nil {
		s.clouds.status(s.current(), &st)
	}
	return st, err
}

// prove logs the failures that the configuration does not stand up to. With
// hundreds of routers it takes a moment.
func (s *service) prove(c *config.Config) {
	for _, f := range proof.Prove(c, proof.Options{}).Problems() {
		s.log.Warn("the proof found a problem (see vicar check)", slog.Any("routers", f.Routers), slog.String("problem", f.Text))
	}
}

// warn logs what is allowed but probably not meant.
func (s *service) warn(c *config.Config) {
	for _, w := range c.Warnings {
		s.log.Warn("the configuration has a doubtful place", slog.Any("warning", w))
	}
}

func httpAddress(c config.Control) string {
	if !c.HTTP.IsValid() {
		return ""
	}
	return c.HTTP.String()
}

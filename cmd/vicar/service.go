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
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/checks/probe"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/hook"
	"github.com/vicar-ha/vicar/proof"
	"github.com/vicar-ha/vicar/status"
)

// service is a running agent with what belongs to it: the control server, the
// signals and systemd.
type service struct {
	load   func() (*config.Config, string, error) // the configuration and which node this is
	build  func(*config.Config, string) agent.Config
	socket string // where the control socket is if the configuration doesn't say
	notify notifier
	limit  time.Duration // systemd's watchdog; 0 is none
	hup    <-chan os.Signal
	log    *slog.Logger

	agent  *agent.Agent
	checks *checks.Runner
	hooks  *hook.Notifier
	// node and control can't change while the agent runs.
	node    string
	control config.Control
	turn    chan struct{} // has room for the one reload at a time
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
	s.node, s.control, s.turn = node, cfg.Control, make(chan struct{}, 1)
	if err := s.setUp(cfg); err != nil {
		return err
	}
	server, err := control.New(control.Config{Socket: cmp.Or(cfg.Control.Socket, s.socket), HTTP: httpAddress(cfg.Control), Backend: s, Log: s.log})
	if err != nil {
		return err
	}
	s.log.Info("starting", slog.String("node", node), slog.String("cluster", cfg.Cluster),
		slog.Int("routers", len(cfg.Routers)), slog.String("digest", cfg.Digest()))

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	telling, stopTelling := context.WithCancel(context.WithoutCancel(ctx))
	defer stopTelling()
	var agentErr, serverErr error
	var work sync.WaitGroup
	work.Go(func() {
		defer stop()
		defer stopTelling()
		agentErr = s.agent.Run(ctx)
	})
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
	s.log.Info("stopped")
	return errors.Join(agentErr, serverErr)
}

// setUp builds the checks, the hooks and the agent that they belong to. What
// they need of the host may be missing now: a check fails then, and a hook, but
// the node takes part in the elections. A reload is strict.
func (s *service) setUp(cfg *config.Config) (err error) {
	maker := probe.NewMaker()
	build := maker.Tolerant
	s.checks, err = checks.New(checks.Config{
		Checks: cfg.NodeChecks(s.node), Log: s.log,
		Build: func(k checks.Kind) (checks.Probe, error) { return build(k) },
	})
	if err != nil {
		return fmt.Errorf("setting up the checks: %w", err)
	}
	build = maker.New
	if s.hooks, err = hook.New(hook.Config{Hooks: hooks(cfg), Log: s.log, Tolerant: true}); err != nil {
		return fmt.Errorf("setting up the hooks: %w", err)
	}
	built := s.build(cfg, s.node)
	built.Checker, built.Listener = s.checks, s.hooks
	if s.agent, err = agent.New(built); err != nil {
		return fmt.Errorf("setting up the agent: %w", err)
	}
	return nil
}

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
	st.Checks, st.Hooks = s.checks.Status(), s.hooks.Status()
	return st, err
}

// Reload reads the configuration again and applies it, or changes nothing, logs
// why and returns it: who asked and who reads the log may be two.
func (s *service) Reload(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return fmt.Errorf("waiting for another reload: %w", ctx.Err())
	}
	s.notify.reloading()
	defer func() {
		if ctx.Err() == nil { // else it is stopping
			s.notify.ready()
		}
	}()
	cfg, err := s.apply(ctx)
	if err != nil {
		s.refused(err)
		return err
	}
	s.warn(cfg)
	s.prove(cfg)
	s.log.Info("reloaded", slog.Int("routers", len(cfg.Routers)), slog.String("digest", cfg.Digest()))
	return nil
}

func (s *service) apply(ctx context.Context) (*config.Config, error) {
	cfg, node, err := s.load()
	if err != nil {
		if _, ok := errors.AsType[config.Errors](err); ok || errors.Is(err, config.ErrSelf) {
			return nil, invalid{err}
		}
		return nil, err
	}
	if node != s.node {
		return nil, invalid{fmt.Errorf("this node is %s and would become %s: that needs a restart", s.node, node)}
	}
	if cfg.Control != s.control {
		return nil, invalid{errors.New("control: what is there can't change while the agent runs: that needs a restart")}
	}
	return cfg, s.replace(ctx, cfg)
}

// replace puts a configuration into force, whole or not at all. New checks begin
// when the agent knows what they are for.
func (s *service) replace(ctx context.Context, cfg *config.Config) error {
	looks, err := s.checks.Prepare(cfg.NodeChecks(s.node))
	if err != nil {
		return fmt.Errorf("setting up the checks: %w", err)
	}
	defer looks.Discard()
	tells, err := s.hooks.Prepare(hooks(cfg))
	if err != nil {
		return fmt.Errorf("setting up the hooks: %w", err)
	}
	defer tells.Discard()
	if err := s.agent.Reload(ctx, s.build(cfg, s.node)); err != nil {
		return err
	}
	looks.Apply()
	tells.Apply()
	return nil
}

// invalid makes a control.ErrInvalid of an error without changing its text.
type invalid struct{ error }

func (e invalid) Unwrap() error        { return e.error }
func (e invalid) Is(target error) bool { return target == control.ErrInvalid }

// refused logs why a reload changed nothing, one line for each place.
func (s *service) refused(err error) {
	errs, ok := errors.AsType[config.Errors](err)
	if !ok {
		s.log.Error("reload refused, nothing has changed", slog.Any("err", err))
		return
	}
	for _, e := range errs {
		s.log.Error("reload refused, nothing has changed", slog.Any("err", e))
	}
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

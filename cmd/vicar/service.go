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
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
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

	agent *agent.Agent
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
	if s.agent, err = agent.New(s.build(cfg, node)); err != nil {
		return fmt.Errorf("setting up the agent: %w", err)
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
	var agentErr, serverErr error
	var work sync.WaitGroup
	work.Go(func() {
		defer stop()
		defer stopServing()
		agentErr = s.agent.Run(ctx)
	})
	work.Go(func() {
		defer stop()
		serverErr = server.Run(serving)
	})
	work.Go(func() { s.attend(ctx, serving, server.Ready()) })
	work.Wait()
	s.log.Info("stopped")
	return errors.Join(agentErr, serverErr)
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

// Status is the agent's.
func (s *service) Status(ctx context.Context) (status.Status, error) { return s.agent.Status(ctx) }

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
	return cfg, s.agent.Reload(ctx, s.build(cfg, node))
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

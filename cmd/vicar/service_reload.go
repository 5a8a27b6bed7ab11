// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
)

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
	restart, _ := errors.AsType[needsRestart](err)
	s.restart.Store((*[]string)(&restart))
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
		return nil, invalid{needsRestart{changed("this node's name", s.node, node)}}
	}
	if differs := fixed(s.current(), cfg, node); len(differs) > 0 {
		return nil, invalid{needsRestart(differs)}
	}
	cfg, gone, err := cfg.Keep(s.current())
	if err != nil {
		return nil, invalid{err}
	}
	if err := s.replace(ctx, cfg); err != nil {
		return nil, err
	}
	s.pools.reloaded(gone)
	return cfg, nil
}

// witness tells whether the node has no part in routers.
func witness(c *config.Config, node string) bool {
	return slices.ContainsFunc(c.Nodes, func(n config.Node) bool { return n.Name == node && n.Witness })
}

// replace puts a configuration into force, whole or not at all. New checks begin
// when the agent knows what they are for.
func (s *service) replace(ctx context.Context, cfg *config.Config) error {
	looks, err := s.checks.Prepare(nodeChecks(cfg, s.node))
	if err != nil {
		return fmt.Errorf("setting up the checks: %w", err)
	}
	defer looks.Discard()
	tells, err := s.hooks.Prepare(hooks(cfg))
	if err != nil {
		return fmt.Errorf("setting up the hooks: %w", err)
	}
	defer tells.Discard()
	balanced, err := s.pools.prepare(cfg)
	if err != nil {
		return err
	}
	defer balanced.discard()
	undo := func() {}
	if s.cluster != nil {
		// Voters must know what this node asks for, and the fence what it may have.
		if undo, err = s.cluster.reload(ctx, cfg); err != nil {
			return err
		}
	}
	if s.body != nil && s.body.fence != nil {
		fence, undoCluster := s.body.fence, undo
		undo = func() {
			undoCluster()
			_ = fence.reload(s.current()) // it had room for that
		}
		if err := fence.reload(cfg); err != nil { // nothing may be taken that is not fenced
			undo()
			return err
		}
	}
	if err := s.agent.Reload(ctx, s.build(cfg, s.node)); err != nil {
		undo()
		return err
	}
	if s.body != nil {
		s.body.executor.poke() // the keys may be new
	}
	if err := balanced.apply(ctx); err != nil {
		return err
	}
	looks.Apply()
	tells.Apply()
	s.cfg.Store(cfg)
	s.clouds.forget()
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

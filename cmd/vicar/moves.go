// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
)

// Handover makes a router change hands.
func (s *service) Handover(ctx context.Context, h control.Handover) (control.HandoverResult, error) {
	if h.To != "" && !s.knows(h.To) {
		return control.HandoverResult{}, fmt.Errorf("%w: node %s", control.ErrUnknown, h.To)
	}
	if err := s.hasRouters(h.Router); err != nil {
		return control.HandoverResult{}, err
	}
	m, err := s.agent.Handover(ctx, h.Router, h.To, h.Auto)
	level, attrs := logged(err, slog.String("router", h.Router), slog.String("from", m.From), slog.String("to", cmp.Or(m.To, h.To)),
		slog.Bool("auto", h.Auto), slog.Duration("took", m.Took))
	s.log.LogAttrs(ctx, level, "a handover was asked for", attrs...)
	return control.HandoverResult{From: m.From, To: m.To, Took: m.Took}, refusal(err)
}

// hasRouters refuses to move a router from where it is not: a witness has no part
// in any.
func (s *service) hasRouters(router string) error {
	c := s.current()
	known := slices.ContainsFunc(c.Routers, func(r config.Router) bool { return r.Name == router }) ||
		slices.ContainsFunc(c.SyncGroups, func(g config.SyncGroup) bool { return g.Name == router })
	if !known || !witness(c, s.node) {
		return nil
	}
	var others []string
	for _, n := range c.Nodes {
		if !n.Witness {
			others = append(others, n.Name)
		}
	}
	return refused{fmt.Errorf("%s is a witness and has no part in %s: ask one of %s", s.node, router, strings.Join(others, ", "))}
}

// logged is how loudly to log what somebody has asked for, and what is to be
// said besides.
func logged(err error, attrs ...slog.Attr) (slog.Level, []slog.Attr) {
	if err != nil {
		return slog.LevelWarn, append(attrs, slog.Any("err", err))
	}
	return slog.LevelInfo, attrs
}

// knows tells whether the configuration has the node.
func (s *service) knows(node string) bool {
	for _, n := range s.current().Nodes {
		if n.Name == node {
			return true
		}
	}
	return false
}

// Drain takes this node out of the elections, or lets it back in, and remembers
// that first.
func (s *service) Drain(ctx context.Context, on bool) ([]control.Moved, error) {
	if err := keepDrained(s.stateDir, on); err != nil {
		return nil, err
	}
	moves, err := s.agent.Drain(ctx, on)
	level, attrs := logged(err, slog.Bool("drained", on), slog.Int("moved", len(moves)))
	s.log.LogAttrs(ctx, level, "drained or undrained", attrs...)
	var moved []control.Moved
	for _, m := range moves {
		_, name, _ := strings.Cut(m.Resource, " ")
		moved = append(moved, control.Moved{Router: strings.TrimPrefix(name, "group "), To: m.To})
	}
	if errors.Is(err, agent.ErrNotMoved) {
		return moved, nil // it shows in moved, and the node is drained all the same
	}
	return moved, err
}

// Forget tells the guard that a node is gone for good.
func (s *service) Forget(ctx context.Context, node string) error {
	if s.cluster == nil || s.cluster.guard == nil {
		return control.ErrNoGuard
	}
	if err := s.cluster.guard.Forget(ctx, node); err != nil {
		return refused{err}
	}
	s.log.Warn("a voter was forgotten", slog.String("node", node))
	return nil
}

// refusal makes the control package's errors of the agent's.
func refusal(err error) error {
	switch {
	case errors.Is(err, agent.ErrUnknownRouter):
		return unknown{err}
	case errors.Is(err, agent.ErrNotMoved):
		return refused{err}
	default:
		return err
	}
}

// refused and unknown make a control.ErrRefused and a control.ErrUnknown of an
// error without changing its text.
type (
	refused struct{ error }
	unknown struct{ error }
)

func (e refused) Unwrap() error        { return e.error }
func (e refused) Is(target error) bool { return target == control.ErrRefused }
func (e unknown) Unwrap() error        { return e.error }
func (e unknown) Is(target error) bool { return target == control.ErrUnknown }

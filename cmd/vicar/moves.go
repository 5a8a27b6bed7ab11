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
	c := s.current()
	if err := cmp.Or(knowsNode(c, h.To), knowsRouter(c, h.Router), s.hasRouters(c, h.Router)); err != nil {
		return control.HandoverResult{}, err
	}
	m, err := s.agent.Handover(ctx, agent.Order{Router: h.Router, To: h.To, Auto: h.Auto, Force: h.Force})
	level, attrs := logged(err, slog.String("router", h.Router), slog.String("from", m.From), slog.String("to", cmp.Or(m.To, h.To)),
		slog.Bool("auto", h.Auto), slog.Bool("force", h.Force), slog.Duration("took", m.Took), slog.Duration("held", m.Held))
	s.log.LogAttrs(ctx, level, "a handover was asked for", attrs...)
	return control.HandoverResult{From: m.From, To: m.To, Took: m.Took, Held: m.Held, Returns: m.Returns}, refusal(err)
}

// hasRouters refuses to move a router from where it is not: a witness has no part
// in any.
func (s *service) hasRouters(c *config.Config, router string) error {
	if !witness(c, s.node) {
		return nil
	}
	return refused{fmt.Errorf("%s is a witness and has no part in %s: ask one of %s", s.node, router, strings.Join(holders(c), ", "))}
}

// holders are the nodes that are no witnesses.
func holders(c *config.Config) []string {
	var names []string
	for _, n := range c.Nodes {
		if !n.Witness {
			names = append(names, n.Name)
		}
	}
	return names
}

// logged is how loudly to log what somebody has asked for, and what is to be
// said besides.
func logged(err error, attrs ...slog.Attr) (slog.Level, []slog.Attr) {
	if err != nil {
		return slog.LevelWarn, append(attrs, slog.Any("err", err))
	}
	return slog.LevelInfo, attrs
}

// knowsNode wants a node that is named to be of the configuration.
func knowsNode(c *config.Config, node string) error {
	if node == "" || slices.ContainsFunc(c.Nodes, func(n config.Node) bool { return n.Name == node }) {
		return nil
	}
	return unknown{fmt.Errorf("there is no node %s (nodes: %s)", clip(node, mostName), firstNames(holders(c)))}
}

// knowsRouter wants a router or a sync group to be of the configuration.
func knowsRouter(c *config.Config, router string) error {
	var routers, groups []string
	for _, r := range c.Routers {
		routers = append(routers, r.Name)
	}
	for _, g := range c.SyncGroups {
		groups = append(groups, g.Name)
	}
	if slices.Contains(routers, router) || slices.Contains(groups, router) {
		return nil
	}
	text := "there is no router " + clip(router, mostName)
	if len(groups) > 0 {
		text = fmt.Sprintf("there is no router or sync group %s (sync groups: %s; routers: %s)", clip(router, mostName), firstNames(groups), firstNames(routers))
	} else if len(routers) > 0 {
		text += " (routers: " + firstNames(routers) + ")"
	}
	return unknown{errors.New(text)}
}

// Drain takes this node out of the elections, or lets it back in, and remembers
// that first.
func (s *service) Drain(ctx context.Context, on, force bool) ([]control.Moved, error) {
	was, err := isDrained(s.stateDir)
	if err != nil {
		return nil, err
	}
	if err := keepDrained(s.stateDir, on); err != nil {
		return nil, err
	}
	moves, err := s.agent.Drain(ctx, on, force)
	if errors.Is(err, agent.ErrNoSuccessor) {
		err = refused{fmt.Errorf("%w: nobody would hold it until vicar undrain; if that is meant: vicar drain --force", err)}
		err = errors.Join(err, keepDrained(s.stateDir, was))
	}
	level, attrs := logged(err, slog.Bool("drained", on), slog.Int("moved", len(moves)))
	s.log.LogAttrs(ctx, level, "drained or undrained", attrs...)
	var moved []control.Moved
	for _, m := range moves {
		_, name, _ := strings.Cut(m.Resource, " ")
		moved = append(moved, control.Moved{Router: strings.TrimPrefix(name, "group "), To: m.To, Took: m.Took, Held: m.Held})
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

// PoolDrain makes a server of a pool get no new connections, or get them again.
func (s *service) PoolDrain(ctx context.Context, d control.PoolDrain) error {
	c := s.current()
	if s.pools == nil {
		return refused{fmt.Errorf("%s is a witness and balances nothing: ask one of %s", s.node, strings.Join(holders(c), ", "))}
	}
	if err := knowsServer(c, d); err != nil {
		return err
	}
	err := s.pools.drain(ctx, d)
	level, attrs := logged(err, slog.String("pool", d.Service), slog.String("server", d.Server), slog.Bool("drained", d.Drain))
	s.log.LogAttrs(ctx, level, "a server was drained or undrained", attrs...)
	return err
}

// knowsServer wants a server of a pool to be of the configuration.
func knowsServer(c *config.Config, d control.PoolDrain) error {
	var pools, servers []string
	for _, p := range c.Pools {
		pools = append(pools, p.Name)
		if p.Name != d.Service {
			continue
		}
		for _, s := range p.Servers {
			servers = append(servers, s.Name)
		}
		if slices.Contains(servers, d.Server) {
			return nil
		}
	}
	switch {
	case slices.Contains(pools, d.Service):
		return unknown{fmt.Errorf("pool %s has no server %s%s", d.Service, clip(d.Server, mostName), among("servers", servers))}
	default:
		return unknown{fmt.Errorf("there is no pool %s%s", clip(d.Service, mostName), among("pools", pools))}
	}
}

// among lists what there is, in brackets.
func among(kind string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%s: %s)", kind, firstNames(names))
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

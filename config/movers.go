// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// AWS tells whether it is a mover that needs the section aws.
func (k MoverKind) AWS() bool {
	return k == MoveAWSSecondaryIP || k == MoveAWSRoute || k == MoveAWSEIP
}

// Moves tells whether the router has a mover of the kind.
func (r Router) Moves(kind MoverKind) bool {
	return slices.ContainsFunc(r.Move, func(m Mover) bool { return m.Kind == kind })
}

// Cloud tells whether the router's addresses move by more than the host.
func (r Router) Cloud() bool {
	return slices.ContainsFunc(r.Move, func(m Mover) bool { return m.Kind != MoveKernel })
}

// Watch is how a cloud is looked at, by whatever means addresses move in it.
type Watch struct {
	Poll      time.Duration // by a holder: AWS.Poll
	Readiness time.Duration // by a standby: AWS.Readiness
	Weight    int           // AWS.ReadinessWeight
}

// Watch is what the section aws says, or would if it were there: programs that
// move addresses do without it. It is zero where no router moves in a cloud.
func (c *Config) Watch() Watch {
	switch {
	case !slices.ContainsFunc(c.Routers, Router.Cloud):
		return Watch{}
	case c.AWS == nil:
		return Watch{Poll: defaultPoll, Readiness: defaultReadiness, Weight: defaultUnready}
	}
	return Watch{Poll: c.AWS.Poll, Readiness: c.AWS.Readiness, Weight: c.AWS.ReadinessWeight}
}

// UsesAWS tells whether AWS is asked for anything: a router moves by it, or a table of
// it votes. The section aws alone does not, which may be for programs.
func (c *Config) UsesAWS() bool {
	if c.AWS == nil {
		return false
	}
	byAWS := func(r Router) bool { return slices.ContainsFunc(r.Move, func(m Mover) bool { return m.Kind.AWS() }) }
	return c.Guard.Table != "" || slices.ContainsFunc(c.Routers, byAWS)
}

// plainMovers are the movers that a word stands for.
var plainMovers = []string{string(MoveKernel), string(MoveAWSSecondaryIP), string(MoveAWSRoute), string(MoveAWSEIP)}

// rawMover is an item of a router's move: a word, or a program.
type rawMover struct {
	mark
	word    text
	Exec    argv         `yaml:"exec" jsonschema:"required" jsonschema_description:"A program that moves the addresses: its absolute path and its arguments. There is no shell."`
	Timeout moverTimeout `yaml:"timeout" jsonschema_description:"How long one call may take. 100ms to 30s, default 5s."`
	Release boolean      `yaml:"release" jsonschema_description:"Whether a node that gives up in order has the program give up the addresses (yield), within a second; else the successor takes them. Default false."`
}

func (m *rawMover) refuse(at mark) { m.mark = at }

func (m *rawMover) decode(r *reader, key mark, n ast.Node) {
	m.mark = r.at(n, key.path)
	if s, ok := n.(*ast.StringNode); ok && s.Value == string(MoveExec) {
		r.bad(m.mark, "exec does not say which program", "write {exec: [/usr/local/bin/move-address]}")
		return
	}
	if !isMapping(n) {
		m.word.choice(r, key, n, plainMovers...)
		return
	}
	r.fields(key, n, m)
	if !m.Exec.present() {
		r.bad(m.mark, "exec is missing", "name the program, as in {exec: [/usr/local/bin/move-address]}, or write one of "+strings.Join(plainMovers, ", "))
	}
}

type moverTimeout struct{ duration }

func (v *moverTimeout) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 100*time.Millisecond, 30*time.Second)
}

const defaultMoverTimeout = 5 * time.Second

// mover is the item's meaning; ok tells whether it is right.
func (m *rawMover) mover() (v Mover, ok bool) {
	if m.Exec.present() {
		ok = !slices.ContainsFunc(m.Exec.items, func(w *word) bool { return !w.ok }) && len(m.Exec.items) > 0
		return Mover{Kind: MoveExec, Exec: m.Exec.values(), Timeout: m.Timeout.or(defaultMoverTimeout), Release: m.Release.v}, ok
	}
	return Mover{Kind: MoverKind(m.word.v)}, m.word.ok
}

// movers resolves the router's movers.
func (r *reader) movers(v *router) {
	raw := &v.raw.Move
	if !raw.present() {
		v.Move = []Mover{{Kind: MoveKernel}}
		return
	}
	if !raw.refused && len(raw.items) == 0 {
		r.bad(raw.mark, "there is no mover", "write how the addresses move, as in [aws-route, kernel], or remove the key")
	}
	for i, item := range raw.items {
		m, ok := item.mover()
		if !ok {
			continue
		}
		same := func(o *rawMover) bool {
			other, ok := o.mover()
			return ok && other.Kind == m.Kind && slices.Equal(other.Exec, m.Exec)
		}
		if j := slices.IndexFunc(raw.items[:i], same); j >= 0 {
			r.bad(item.mark, fmt.Sprintf("%s is already on line %d", m.Kind, raw.items[j].line), "remove one of them")
			continue
		}
		v.Move = append(v.Move, m)
		v.movers = append(v.movers, item.mark)
	}
}

// mover is the place of the router's mover of the kind.
func (v *router) mover(kind MoverKind) mark {
	for i, m := range v.Move {
		if m.Kind == kind && i < len(v.movers) {
			return v.movers[i]
		}
	}
	return place(v.raw.Move.mark, v)
}

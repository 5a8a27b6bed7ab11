// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// Drain takes the node out of all elections, or lets it in again, and returns
// what it handed over, when that is done. With a peer link it refuses to give up what
// no other node is ready to take over, and changes nothing, unless force is set: the
// error is ErrNoSuccessor then. Else the error joins those of resources that
// nobody took over: they are given up all the same.
func (a *Agent) Drain(ctx context.Context, on, force bool) ([]Move, error) {
	answer := make(chan drained, 1)
	if err := a.ask(ctx, drainAsked{on, force, answer}); err != nil {
		return nil, fmt.Errorf("asking to drain: %w", err)
	}
	d, err := wait(ctx, a, answer)
	return d.moves, errors.Join(append(d.errs, err)...)
}

type drainAsked struct {
	on, force bool
	answer    chan<- drained
}

// drained is what a drain has moved.
type drained struct {
	moves []Move
	errs  []error
}

func (m drainAsked) handle(l *loop, now time.Time) {
	var result drained
	if m.on && !m.force && l.cfg.Peers != nil {
		if err := l.needed(now); err != nil {
			m.answer <- drained{errs: []error{err}}
			return
		}
	}
	waits := 1
	done := func(r *moved) {
		if r != nil {
			result.moves = append(result.moves, r.Move)
			if r.err != nil {
				result.errs = append(result.errs, r.err)
			}
		}
		if waits--; waits == 0 {
			m.answer <- result
		}
	}
	l.cfg.Drained = m.on
	l.stateChanged()
	l.announceState()
	for _, key := range l.keys() {
		g := l.groups[key]
		if m.on && g.active() {
			waits++
			l.await(g, now, l.cfg.Node, "", func(r moved) { done(&r) })
		}
		l.weigh(g, now)
	}
	done(nil)
}

// needed is ErrNoSuccessor if this node holds what no other is ready to take over,
// with what that is and how the others stand.
func (l *loop) needed(now time.Time) error {
	var only []string
	var others string
	for _, key := range l.keys() {
		g := l.groups[key]
		if !g.active() || l.successor(g, now, "") != "" {
			continue
		}
		if only = append(only, key); others == "" {
			others = l.noSuccessor(g, now)
		}
	}
	const most = 5
	switch n := len(only); {
	case n == 0:
		return nil
	case n > most:
		only = append(only[:most], fmt.Sprintf("%d more", n-most))
	}
	return fmt.Errorf("%w %s (%s)", ErrNoSuccessor, strings.Join(only, ", "), others)
}

// noSuccessor says of each other node why it can't take the group over.
func (l *loop) noSuccessor(g *group, now time.Time) string {
	return cmp.Or(strings.Join(l.others(g, now, ""), "; "), "there is no other")
}

// others say of each node besides this one and that one why it can't take the
// group over.
func (l *loop) others(g *group, now time.Time, that string) (whys []string) {
	names := slices.Sorted(maps.Values(l.cfg.Names))
	for _, node := range slices.Compact(names) {
		r, why := l.states(g)[node], l.unready(g, now, node)
		switch {
		case node == l.cfg.Node, node == that:
			continue
		case why != "":
		case r.Yields:
			why = "it yields, too"
		case r.State == vrrp.Backup.String():
			why = fmt.Sprintf("its priority is only %d", r.Priority)
		default:
			why = "its state is " + cmp.Or(r.State, "unknown")
		}
		whys = append(whys, node+": "+why)
	}
	return whys
}

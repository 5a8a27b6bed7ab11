// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/vicar-ha/vicar/status"
)

// ErrStopped is the answer to a question that an agent can't take any more.
var ErrStopped = errors.New("the agent has stopped")

// ErrNotGivenUp is Run's error when it could not give up addresses in time.
var ErrNotGivenUp = errors.New("stopped before its addresses were given up")

// Agent runs a node's virtual routers.
type Agent struct {
	cfg   Config
	inbox chan message
	done  chan struct{} // closed when Run has returned

	gaveUp []string // when Run has returned
}

// New checks the configuration and builds an Agent that does nothing until Run.
func New(cfg Config) (*Agent, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	for _, u := range cfg.units() {
		if _, err := newGroup(u, cfg.Now(), nil); err != nil {
			return nil, err
		}
	}
	return &Agent{cfg: cfg, inbox: make(chan message, 64), done: make(chan struct{})}, nil
}

// Run works until ctx ends, then gives up what the node holds, says so to the
// others, and returns. It may be called once. The error is nil after an orderly
// stop.
func (a *Agent) Run(ctx context.Context) error {
	defer close(a.done)
	l := newLoop(a.cfg, a.inbox)
	err := l.run(ctx)
	a.gaveUp = l.gaveUp
	return err
}

// Status is the agent's state at one instant between two steps of the loop.
func (a *Agent) Status(ctx context.Context) (status.Status, error) {
	answer := make(chan status.Status, 1)
	if err := a.ask(ctx, statusAsked{answer}); err != nil {
		return status.Status{}, fmt.Errorf("asking for the status: %w", err)
	}
	return wait(ctx, a, answer)
}

// Reload applies the configuration. Routers that it doesn't change miss
// nothing; if it can't be applied nothing has changed. What it takes to
// reach the world (Open, Network, Checker, Listener, Guard, Peers, Log, Now) stays
// what it was, and so does Drained.
func (a *Agent) Reload(ctx context.Context, cfg Config) error {
	answer := make(chan error, 1)
	if err := a.ask(ctx, reloadAsked{cfg, answer}); err != nil {
		return fmt.Errorf("asking for a reload: %w", err)
	}
	result, err := wait(ctx, a, answer)
	return errors.Join(result, err)
}

// Ping returns when the loop has come round: an agent that answers is alive.
func (a *Agent) Ping(ctx context.Context) error {
	answer := make(chan struct{})
	if err := a.ask(ctx, pingAsked{answer}); err != nil {
		return fmt.Errorf("asking for a sign of life: %w", err)
	}
	_, err := wait(ctx, a, answer)
	return err
}

// ask puts a question into the inbox.
func (a *Agent) ask(ctx context.Context, m message) error {
	select {
	case a.inbox <- m:
		return nil
	case <-a.done:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wait waits for the answer to a question.
func wait[T any](ctx context.Context, a *Agent, answer <-chan T) (T, error) {
	var none T
	select {
	case v := <-answer:
		return v, nil
	case <-a.done:
		return none, ErrStopped
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

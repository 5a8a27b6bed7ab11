// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

var (
	_ agent.Checker  = (*health)(nil)
	_ agent.Listener = (*listener)(nil)
)

// health is a Checker whose results the test sets.
type health struct {
	mu      sync.Mutex
	results map[string]track.Result
	told    func([]track.Result)
}

func newHealth() *health { return &health{results: make(map[string]track.Result)} }

func (h *health) Watch(ctx context.Context, told func([]track.Result)) error {
	h.mu.Lock()
	h.told = told
	var all []track.Result
	for _, r := range h.results {
		all = append(all, r)
	}
	told(all)
	h.mu.Unlock()
	<-ctx.Done()
	h.mu.Lock()
	h.told = nil
	h.mu.Unlock()
	return ctx.Err()
}

func (h *health) set(check string, s track.State, cause string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := track.Result{Check: check, State: s, Cause: cause}
	h.results[check] = r
	if h.told != nil {
		h.told([]track.Result{r})
	}
}

func (h *health) pass(check string) { h.set(check, track.Passing, "") }
func (h *health) fail(check string) { h.set(check, track.Failing, "connection refused") }

// listener writes down what it is told. Farewells are answered after slow, or
// never if that is negative.
type listener struct {
	mu   sync.Mutex
	said []string
	slow time.Duration
}

func (l *listener) Tell(e vip.Event) { l.note(e) }

func (l *listener) GiveUp(e vip.Event, done func()) {
	l.note(e)
	switch {
	case l.slow == 0:
		done()
	case l.slow > 0:
		time.AfterFunc(l.slow, done)
	}
}

func (l *listener) note(e vip.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, fmt.Sprintf("%s %s %s->%s %d", e.Router, e.Kind, e.From, e.State, e.Term))
}

// take is what was said since the last time.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	said := l.said
	l.said = nil
	return said
}

// healthy runs a story of two nodes, lb-1 (150) and lb-2 (100), that track
// checks. Nothing has a result when the agents start.
func healthy(t *testing.T, change func(*agent.Config), story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, router(100*ms, vip4.String()))
		for i, n := range w.nodes {
			n.health, n.listener = newHealth(), new(listener)
			n.cfg.Checker, n.cfg.Listener = n.health, n.listener
			n.cfg.Routers[0].Priority = []uint8{150, 100}[i]
			change(&n.cfg)
		}
		w.start()
		defer w.stop()
		story(t, w)
	})
}

// tracking makes all routers track a check by a weight.
func tracking(weight int) func(*agent.Config) {
	return func(c *agent.Config) {
		for i := range c.Routers {
			c.Routers[i].Tracks = []track.Track{{Check: "haproxy", Weight: weight}}
		}
	}
}

// allPass makes the checks pass everywhere and waits for the election. It is
// called in a bubble.
func (w *world) allPass(checks ...string) {
	for _, n := range w.nodes {
		for _, c := range checks {
			n.health.pass(c)
		}
	}
	time.Sleep(time.Second)
}

// wantReason checks a part of the first router's reason.
func (n *node) wantReason(t *testing.T, part string) {
	t.Helper()
	if got := n.router(t).Reason; !strings.Contains(got, part) {
		t.Errorf("%s: reason %q, want one with %q", n.name, got, part)
	}
}

// wantSaid checks what the node's listener was told since the last time.
func (n *node) wantSaid(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := n.listener.take(); !slices.Equal(got, want) {
		t.Errorf("%s was told\n\t%s\nwant\n\t%s", n.name, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

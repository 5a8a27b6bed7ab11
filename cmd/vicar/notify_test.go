// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// told records what systemd is told.
type told struct {
	mu     sync.Mutex
	states []string
}

func (r *told) notifier() notifier {
	return notifier{log: slog.New(slog.DiscardHandler), send: func(state string) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		state, _, _ = strings.Cut(state, "\nMONOTONIC_USEC=")
		r.states = append(r.states, state)
		return nil
	}}
}

// take returns what was told since the last time.
func (r *told) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := r.states
	r.states = nil
	return states
}

// heart is a living that can stop.
type heart struct {
	mu      sync.Mutex
	hanging bool
	st      status.Status
}

func (h *heart) set(hanging bool, routers int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hanging = hanging
	h.st.Routers = make([]status.Router, routers)
}

func (h *heart) Ping(ctx context.Context) error {
	h.mu.Lock()
	hanging := h.hanging
	h.mu.Unlock()
	if hanging {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (h *heart) Status(context.Context) (status.Status, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.st, nil
}

func TestWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 3 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		h, r := &heart{st: status.Status{Node: "n"}}, &told{}
		var done sync.WaitGroup
		done.Go(func() { r.notifier().watchdog(ctx, limit, h) })
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			if got := r.take(); !slices.Equal(got, want) {
				t.Errorf("%s: told %q, want %q", when, got, want)
			}
		}
		expect("at first", "WATCHDOG=1", "STATUS=n: 0 routers")
		time.Sleep(limit)
		expect("living", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1")
		h.set(false, 2)
		time.Sleep(limit / 3)
		expect("changed", "WATCHDOG=1", "STATUS=n: 2 routers")
		h.set(true, 2)
		time.Sleep(10 * limit)
		expect("hanging")
		h.set(false, 2)
		time.Sleep(limit)
		if got := r.take(); len(got) == 0 {
			t.Error("living again: told nothing")
		}
		cancel()
		done.Wait()
	})
}

// Without a watchdog systemd is told what the routers do, and no more.
func TestNoWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r := &told{}
		var done sync.WaitGroup
		done.Go(func() { r.notifier().watchdog(ctx, 0, &heart{st: status.Status{Node: "n"}}) })
		time.Sleep(time.Minute)
		synctest.Wait()
		if got, want := r.take(), []string{"STATUS=n: 0 routers"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		cancel()
		done.Wait()
	})
}

// That systemd can't be told is logged and no more.
func TestTellFails(t *testing.T) {
	var log strings.Builder
	n := notifier{log: slog.New(slog.NewTextHandler(&log, nil)), send: func(string) error { return errors.New("gone") }}
	n.ready()
	if !strings.Contains(log.String(), "err=gone") {
		t.Errorf("log is %q, want the reason", log.String())
	}
}

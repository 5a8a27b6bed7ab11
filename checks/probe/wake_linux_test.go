// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab"
)

// wakeful is a probe whose Wake runs.
type wakeful struct {
	t     *testing.T
	look  func(timeout time.Duration) error
	woken chan struct{}
	looks atomic.Int64 // that Wake wanted
}

// watch runs Wake until the test ends.
func watch(t *testing.T, k checks.Kind) *wakeful {
	t.Helper()
	p := newProbe(t, k)
	w := &wakeful{t: t, woken: make(chan struct{}, 1)}
	w.look = func(timeout time.Duration) error { return lookFor(p, timeout) }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- p.(checks.Waker).Wake(ctx, func() {
			w.looks.Add(1)
			select {
			case w.woken <- struct{}{}:
			default:
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Wake: %v", err)
		}
	})
	return w
}

// watchOn is watch on a host.
func watchOn(t *testing.T, h *lab.Host, k checks.Kind) *wakeful {
	t.Helper()
	r := newRemote(t, h, k)
	r.wake()
	return &wakeful{t: t, look: r.look, woken: r.wakes}
}

// until looks when woken, and only then, until the outcome is what is wanted.
func (w *wakeful) until(what, text string) {
	w.t.Helper()
	end := time.NewTimer(plenty)
	defer end.Stop()
	var err error
	for {
		select {
		case <-w.woken:
		case <-end.C:
			w.t.Fatalf("%s: waited in vain for %q, last was %v", what, text, err)
		}
		err = w.look(plenty)
		if text == "" && err == nil || text != "" && err != nil && strings.Contains(err.Error(), text) {
			return
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// runner is how a hook is told. It gives up when ctx ends and leaves nothing
// running; several calls may be in hand.
type runner interface {
	run(ctx context.Context, m message) error
}

// sink is a hook in use.
type sink struct {
	Hook
	runner runner
	place  int    // in the configuration's order
	tally  *tally // of all that the hook has been, over reloads
}

// tally is what has become of a hook's events. The Notifier's lock guards it.
type tally struct {
	status.Hook
	running int
}

// build makes what tells the hook.
func build(h Hook) (runner, error) {
	if h.Webhook != "" {
		return newWebhook(h)
	}
	return newExec(h)
}

// buildSinks checks the hooks and builds them. It reports all that is wrong.
func buildSinks(hooks []Hook, build func(Hook) (runner, error)) ([]*sink, error) {
	sinks := make([]*sink, len(hooks))
	var errs []error
	for i, h := range hooks {
		s := &sink{Hook: h.clone(), place: i, tally: &tally{Hook: status.Hook{Name: h.name()}}}
		err := s.validate()
		if err == nil {
			s.runner, err = build(s.Hook)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("hook %d (%s): %w", i+1, h.name(), err))
		}
		sinks[i] = s
	}
	return sinks, errors.Join(errs...)
}

// deliver runs one delivery, and makes way for the next of its subject.
func (n *Notifier) deliver(ctx context.Context, l *lane, d delivery) {
	ctx, cancel := context.WithTimeout(ctx, d.sink.Timeout)
	defer cancel()
	began := time.Now()
	m, err := newMessage(d)
	if err == nil {
		err = d.sink.runner.run(ctx, m)
	}
	took := time.Since(began)
	timedOut := err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case timedOut:
		err = fmt.Errorf("its time of %v was over: %w", d.sink.Timeout, err)
	case err != nil && errors.Is(context.Cause(ctx), errStopping):
		err = fmt.Errorf("ended because %w: %w", errStopping, err)
	}
	n.report(d, err, took)

	n.mu.Lock()
	defer n.mu.Unlock()
	d.sink.tally.note(err, timedOut, took)
	l.busy = false
	n.running--
	n.release(l)
	n.over(d)
	n.ring()
}

// release puts an idle lane where it belongs; n.mu is held.
func (n *Notifier) release(l *lane) {
	if len(l.queue) > 0 {
		n.ready = append(n.ready, l)
	} else {
		delete(n.lanes, l.subject)
	}
}

// report logs a run.
func (n *Notifier) report(d delivery, err error, took time.Duration) {
	attrs := append([]slog.Attr{slog.String("hook", d.sink.tally.Name)}, subjectOf(d.event).attrs()...)
	attrs = append(attrs, slog.String("event", string(d.event.Kind)), slog.Duration("took", took))
	if d.skipped > 0 {
		attrs = append(attrs, slog.Int("skipped", d.skipped))
	}
	if err == nil {
		n.log.LogAttrs(context.Background(), slog.LevelDebug, "hook ran", attrs...)
		return
	}
	n.log.LogAttrs(context.Background(), slog.LevelWarn, "hook failed", append(attrs, slog.Any("err", err))...)
}

// note counts a run; the Notifier's lock is held.
func (t *tally) note(err error, timedOut bool, took time.Duration) {
	t.running--
	t.Ran++
	t.Took = took
	if err == nil {
		return
	}
	t.Failed++
	if timedOut {
		t.TimedOut++
	}
	t.Error, t.At = err.Error(), time.Now()
}

// Status is what has become of the hooks' events, in the configuration's order.
func (n *Notifier) Status() []status.Hook {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]status.Hook, len(n.sinks))
	for i, s := range n.sinks {
		all[i] = s.tally.Hook
		all[i].Running = s.tally.running > 0
	}
	for _, l := range n.lanes {
		for _, d := range l.queue {
			all[d.sink.place].Waiting++
		}
	}
	return all
}

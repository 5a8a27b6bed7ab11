// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/status"
)

// signals are what the cloud has announced for this machine. It is a checks.Probe
// that fails while the machine is about to end, and wakes by itself.
type signals struct {
	mu    sync.Mutex
	stand []aws.Signal
	look  func() // nil: nobody waits
}

// signalsAhead is how long before the machine ends it yields: events are
// announced minutes ahead, and some of them weeks. What should have come
// signalsOver ago and has not is no reason to stay away any more.
const (
	signalsAhead = 15 * time.Minute
	signalsOver  = time.Hour
)

// run listens until ctx ends.
func (s *signals) run(ctx context.Context, session *aws.Session, log *slog.Logger) {
	_ = session.Watch(ctx, func(now []aws.Signal) { // it ends with ctx alone
		for _, signal := range now {
			log.Warn("the cloud has announced something for this machine", slog.String("signal", string(signal.Kind)),
				slog.String("action", signal.Action), slog.Time("at", signal.At))
		}
		s.mu.Lock()
		s.stand = now
		look := s.look
		s.mu.Unlock()
		if look != nil {
			look()
		}
	})
}

// Probe fails while the machine is about to end.
func (s *signals) Probe(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ends []error
	for _, signal := range s.stand {
		if left := time.Until(signal.At); left < signalsAhead && left > -signalsOver {
			ends = append(ends, fmt.Errorf("the cloud has announced %s", signal))
		}
	}
	return errors.Join(ends...)
}

// Wake satisfies checks.Waker.
//
//nolint:unparam // checks.Waker has an error
func (s *signals) Wake(ctx context.Context, look func()) error {
	s.mu.Lock()
	s.look = look
	s.mu.Unlock()
	look()
	<-ctx.Done()
	s.mu.Lock()
	s.look = nil
	s.mu.Unlock()
	return nil
}

// Close satisfies checks.Probe.
func (*signals) Close() error { return nil }

// now is what stands, for status.
func (s *signals) now() []status.Signal {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []status.Signal
	for _, signal := range s.stand {
		all = append(all, status.Signal{Kind: signal.Action, At: signal.At})
	}
	return slices.Clip(all)
}

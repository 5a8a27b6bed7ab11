// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package logqueue is a log handler that never blocks. Who reads the log may be
// slow (a full pipe, a busy journal); adverts, leases, checks and hooks must not wait
// for that.
package logqueue

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// patience is how long Close waits for the log to be written.
const patience = time.Second

// Queue is a slog.Handler that keeps records for Run, which hands them to another
// handler in their order. Of records that find no room the number is logged, with
// what they were about.
type Queue struct {
	next slog.Handler
	*shared
}

// shared is what a Queue has in common with those that With made of it.
type shared struct {
	first   slog.Handler // without attributes and groups
	about   string
	records chan queued
	lost    atomic.Uint64
	closing chan struct{} // closed by Close
	written chan struct{} // closed when Run returns
}

// queued is a record with the handler that its attributes were given to.
type queued struct {
	to     slog.Handler
	record slog.Record
}

var _ slog.Handler = (*Queue)(nil)

// New makes a Queue with room for so many records, all about one thing. What comes
// before Run waits.
func New(next slog.Handler, about string, room int) *Queue {
	return &Queue{next, &shared{
		first: next, about: about, records: make(chan queued, room), closing: make(chan struct{}), written: make(chan struct{}),
	}}
}

// Run writes until Close. It may be called once.
func (q *Queue) Run() {
	defer close(q.written)
	for {
		select {
		case r := <-q.records:
			q.write(r)
		case <-q.closing:
			for range len(q.records) {
				q.write(<-q.records)
			}
			return
		}
	}
}

func (q *Queue) write(r queued) {
	_ = r.to.Handle(context.Background(), r.record) // nobody is left to tell
	if n := q.lost.Swap(0); n > 0 {
		record := slog.NewRecord(r.record.Time, slog.LevelWarn, "log was too slow, records lost", 0)
		record.AddAttrs(slog.String("about", q.about), slog.Uint64("count", n))
		_ = q.first.Handle(context.Background(), record)
	}
}

// Close ends Run when it has written what was there, and waits for that, but not
// for a log that nobody reads. What is logged later is lost. It may be called once,
// and only if Run was.
func (q *Queue) Close() {
	close(q.closing)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-q.written:
	case <-timer.C:
	}
}

// Enabled, Handle, WithAttrs and WithGroup make it a slog.Handler.

// Enabled is that of the other handler.
func (q *Queue) Enabled(ctx context.Context, level slog.Level) bool {
	return q.next.Enabled(ctx, level)
}

// Handle keeps the record, or counts it if there is no room.
func (q *Queue) Handle(_ context.Context, r slog.Record) error {
	select {
	case q.records <- queued{q.next, r}:
	default:
		q.lost.Add(1)
	}
	return nil
}

// WithAttrs is a handler for the same Run.
func (q *Queue) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Queue{q.next.WithAttrs(attrs), q.shared}
}

// WithGroup is a handler for the same Run.
func (q *Queue) WithGroup(name string) slog.Handler {
	return &Queue{q.next.WithGroup(name), q.shared}
}

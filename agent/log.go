// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// logQueueSize is how many records wait for a slow log before more are lost.
const logQueueSize = 1024

// logQueue is a handler that never blocks: another goroutine writes. Who reads
// the log may be slow (a full pipe, a busy journal), the loop must not be.
type logQueue struct {
	next    slog.Handler
	records chan queued
	lost    *atomic.Uint64
}

// queued is a record with the handler that its attributes were given to.
type queued struct {
	to     slog.Handler
	record slog.Record
}

func newLogQueue(next slog.Handler) *logQueue {
	return &logQueue{next: next, records: make(chan queued, logQueueSize), lost: new(atomic.Uint64)}
}

// run writes until close.
func (q *logQueue) run() {
	for r := range q.records {
		_ = r.to.Handle(context.Background(), r.record) // nobody is left to tell
		if n := q.lost.Swap(0); n > 0 {
			record := slog.NewRecord(r.record.Time, slog.LevelWarn, "log was too slow, records lost", 0)
			record.AddAttrs(slog.Uint64("count", n))
			_ = q.next.Handle(context.Background(), record)
		}
	}
}

// close lets run return once it has written what was queued.
func (q *logQueue) close() { close(q.records) }

// Enabled, Handle, WithAttrs and WithGroup make it a slog.Handler.

func (q *logQueue) Enabled(ctx context.Context, level slog.Level) bool {
	return q.next.Enabled(ctx, level)
}

func (q *logQueue) Handle(_ context.Context, r slog.Record) error {
	select {
	case q.records <- queued{q.next, r}:
	default:
		q.lost.Add(1)
	}
	return nil
}

func (q *logQueue) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logQueue{q.next.WithAttrs(attrs), q.records, q.lost}
}

func (q *logQueue) WithGroup(name string) slog.Handler {
	return &logQueue{q.next.WithGroup(name), q.records, q.lost}
}

// limiter lets a line through once in limitPeriod and tells the next one how
// many were held back, since a peer decides how often it is asked.
type limiter struct {
	last time.Time
	more uint64
}

const limitPeriod = 10 * time.Second

// tally counts one kind of thing and limits how often it is logged.
type tally struct {
	count uint64
	limit limiter
}

func (t *tally) add(now time.Time, write func(more uint64)) {
	t.count++
	t.limit.log(now, write)
}

func (m *limiter) log(now time.Time, write func(more uint64)) {
	if !m.last.IsZero() && now.Sub(m.last) < limitPeriod {
		m.more++
		return
	}
	write(m.more)
	m.last, m.more = now, 0
}

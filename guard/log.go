// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	logQueueSize = 256         // records that wait for a slow log before more are lost
	logPatience  = time.Second // how long the end waits for the log to be written
)

// logQueue is a handler that never blocks: another goroutine writes. Who reads
// the log may be slow, and leases must not run out of that.
type logQueue struct {
	next    slog.Handler
	records chan queued
	lost    *atomic.Uint64
	written chan struct{} // closed when all is written
}

// queued is a record with the handler that its attributes were given to.
type queued struct {
	to     slog.Handler
	record slog.Record
}

// newLogQueue makes a logQueue and its goroutine, which close ends.
func newLogQueue(next slog.Handler) *logQueue {
	q := &logQueue{
		next: next, records: make(chan queued, logQueueSize), lost: new(atomic.Uint64), written: make(chan struct{}),
	}
	go q.write()
	return q
}

func (q *logQueue) write() {
	defer close(q.written)
	for r := range q.records {
		_ = r.to.Handle(context.Background(), r.record) // nobody is left to tell
		if n := q.lost.Swap(0); n > 0 {
			record := slog.NewRecord(r.record.Time, slog.LevelWarn, "log was too slow, records of the guard are lost", 0)
			record.AddAttrs(slog.Uint64("count", n))
			_ = q.next.Handle(context.Background(), record)
		}
	}
}

// close waits until what was queued is written, but not long.
func (q *logQueue) close() {
	close(q.records)
	select {
	case <-q.written:
	case <-time.After(logPatience): // nobody reads the log any more
	}
}

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
	return &logQueue{q.next.WithAttrs(attrs), q.records, q.lost, q.written}
}

func (q *logQueue) WithGroup(name string) slog.Handler {
	return &logQueue{q.next.WithGroup(name), q.records, q.lost, q.written}
}

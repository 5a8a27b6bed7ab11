// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// logQueueSize is how many records wait for a slow log before more are lost.
	logQueueSize = 1024
	// logPatience is how long the end waits for the log to be written.
	logPatience = time.Second
)

// logQueue writes records in a goroutine of its own: who reads the log may be
// slow, or gone, the hooks must not be held up by it.
type logQueue struct {
	to      slog.Handler
	records chan slog.Record
	lost    atomic.Uint64 // since the last record
	written chan struct{} // closed when run has returned
}

func newLogQueue(to slog.Handler) *logQueue {
	return &logQueue{to: to, records: make(chan slog.Record, logQueueSize), written: make(chan struct{})}
}

// put never waits.
func (q *logQueue) put(level slog.Level, message string, attrs []slog.Attr) {
	if !q.to.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(time.Now(), level, message, 0)
	r.AddAttrs(attrs...)
	select {
	case q.records <- r:
	default:
		q.lost.Add(1)
	}
}

// run writes until close.
func (q *logQueue) run() {
	defer close(q.written)
	for r := range q.records {
		_ = q.to.Handle(context.Background(), r) // nobody is left to tell
		if n := q.lost.Swap(0); n > 0 {
			more := slog.NewRecord(time.Now(), slog.LevelWarn, "log was too slow, lines about hooks are lost", 0)
			more.AddAttrs(slog.Uint64("count", n))
			_ = q.to.Handle(context.Background(), more)
		}
	}
}

// close returns when all is written. A log that is stuck keeps run, for
// logPatience only the caller too. No put may follow.
func (q *logQueue) close() {
	close(q.records)
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-q.written:
	case <-timer.C:
	}
}

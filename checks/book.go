// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/vicar-ha/vicar/track"
)

const (
	// bookSize is how many lines wait for a slow log before more are lost.
	bookSize = 1024
	// logPatience is how long the end waits for the log to be written.
	logPatience = time.Second
)

// book writes the lines of the loop and of the jobs in a goroutine of its own:
// who reads the log may be slow, or gone, the looks must not be.
type book struct {
	log     *slog.Logger
	lines   chan entry
	lost    atomic.Uint64 // lines, since the last one
	closing chan struct{}
	written chan struct{} // closed when the goroutine has ended
}

// entry writes lines.
type entry struct {
	write func(*slog.Logger)
	lost  uint64 // lines before it
}

// line is a change of state, or a look that did not pass.
type line struct {
	check, kind, target string
	state               track.State
	outcome             Outcome
	cause               string
	row                 int
	changed             bool
	stack               []byte // of a panic that the log has not had yet
}

func newBook(log *slog.Logger) *book {
	b := &book{
		log: log, lines: make(chan entry, bookSize),
		closing: make(chan struct{}), written: make(chan struct{}),
	}
	go b.run()
	return b
}

// run writes until close, and then what is left.
func (b *book) run() {
	defer close(b.written)
	for {
		select {
		case e := <-b.lines:
			b.enter(e)
		case <-b.closing:
			for len(b.lines) > 0 { // nobody else takes
				b.enter(<-b.lines)
			}
			return
		}
	}
}

func (b *book) enter(e entry) {
	if e.lost > 0 {
		b.log.Warn("log was too slow, lines about checks are lost", slog.Uint64("count", e.lost))
	}
	e.write(b.log)
}

// put never waits. What is put after close may be lost.
func (b *book) put(write func(*slog.Logger)) {
	lost := b.lost.Swap(0)
	select {
	case b.lines <- entry{write, lost}:
	default:
		b.lost.Add(lost + 1)
	}
}

// close returns when all is written. A log that is stuck keeps the goroutine,
// for logPatience only the caller too.
func (b *book) close() {
	close(b.closing)
	timer := time.NewTimer(logPatience)
	defer timer.Stop()
	select {
	case <-b.written:
	case <-timer.C:
	}
}

// judged notes what a look came to, if that is worth a line.
func (b *book) judged(j *job, e event, changed bool) {
	worth := changed || e.stack != nil && !j.panicked
	if !worth && (e.outcome == Pass || !b.log.Enabled(context.Background(), slog.LevelDebug)) {
		return
	}
	l := line{
		check: j.shown.Name, kind: j.shown.Kind, target: j.shown.Target, state: j.verdict.State(),
		outcome: e.outcome, cause: e.cause, row: j.verdict.Row(), changed: changed,
	}
	if !j.panicked {
		l.stack, j.panicked = e.stack, e.stack != nil
	}
	b.put(l.write)
}

func (l line) write(log *slog.Logger) {
	log = log.With(slog.String("check", l.check), slog.String("kind", l.kind), slog.String("target", l.target))
	if l.stack != nil {
		log.Error("a probe panicked, which is a fault of this program", slog.String("stack", string(l.stack)))
	}
	switch {
	case !l.changed:
		log.Debug("look did not pass", slog.String("outcome", l.outcome.String()),
			slog.Int("row", l.row), slog.String("cause", l.cause))
	case l.state == track.Passing:
		log.Info("check passes")
	default:
		log.Warn("check fails", slog.String("outcome", l.outcome.String()), slog.String("cause", l.cause))
	}
}

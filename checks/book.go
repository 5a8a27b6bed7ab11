// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"log/slog"
	"sync"

	"github.com/vicar-ha/vicar/track"
)

// bookSize is how many lines wait for a slow log before more are lost.
const bookSize = 1024

// book writes the loop's lines in a goroutine of its own: who reads the log may
// be slow, the looks must not be.
type book struct {
	log     *slog.Logger
	lines   chan line
	lost    uint64 // of the loop alone
	writing sync.WaitGroup
}

// line is what is written: a change of state, or a look that did not pass.
type line struct {
	check, kind, target string
	state               track.State
	outcome             Outcome
	cause               string
	row                 int
	changed             bool
	stack               []byte // of a panic that the log has not had yet
	lost                uint64 // lines before this one
}

func newBook(log *slog.Logger) *book {
	b := &book{log: log, lines: make(chan line, bookSize)}
	b.writing.Go(func() {
		for l := range b.lines {
			l.write(log)
		}
	})
	return b
}

// close returns when all is written.
func (b *book) close() {
	close(b.lines)
	b.writing.Wait()
}

// judged notes what a look came to, if that is worth a line.
func (b *book) judged(j *job, e event, changed bool) {
	worth := changed || e.stack != nil && !j.panicked
	if !worth && (e.outcome == Pass || !b.log.Enabled(context.Background(), slog.LevelDebug)) {
		return
	}
	l := line{
		check: j.shown.Name, kind: j.shown.Kind, target: j.shown.Target, state: j.verdict.State(),
		outcome: e.outcome, cause: e.cause, row: j.verdict.Row(), changed: changed, lost: b.lost,
	}
	if !j.panicked {
		l.stack, j.panicked = e.stack, e.stack != nil
	}
	select {
	case b.lines <- l:
		b.lost = 0
	default:
		b.lost++
	}
}

func (l line) write(log *slog.Logger) {
	if l.lost > 0 {
		log.Warn("log was too slow, lines about checks are lost", slog.Uint64("count", l.lost))
	}
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

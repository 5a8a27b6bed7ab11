// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"context"
	"log/slog"

	"github.com/vicar-ha/vicar/track"
)

// logRoom is how many records wait for a slow log before more are lost.
const logRoom = 1024

// judged logs what a look came to, if that is worth a line. The stack of a probe that
// goes on panicking is logged once.
func (l *loop) judged(j *job, e event, changed bool) {
	panicked := e.stack != nil && !j.panicked
	worth := changed || panicked
	if !worth && (e.outcome == Pass || !l.log.Enabled(context.Background(), slog.LevelDebug)) {
		return
	}
	log := l.log.With(slog.String("check", j.shown.Name), slog.String("kind", j.shown.Kind), slog.String("target", j.shown.Target))
	if panicked {
		j.panicked = true
		log.Error("a probe panicked, which is a fault of this program", slog.String("stack", string(e.stack)))
	}
	switch {
	case !changed:
		log.Debug("look did not pass", slog.String("outcome", e.outcome.String()),
			slog.Int("row", j.verdict.Row()), slog.String("cause", e.cause))
	case j.verdict.State() == track.Passing:
		log.Info("check passes")
	default:
		log.Warn("check fails", slog.String("outcome", e.outcome.String()), slog.String("cause", e.cause))
	}
}

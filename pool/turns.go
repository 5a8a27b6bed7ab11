// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// turn is that services are programmed, or are no more, and why.
type turn struct {
	on     bool
	reason string
}

// mostTurned is how many services of a turn are logged by name.
const mostTurned = 20

// reason is why a unit is programmed or is no more.
func (l *loop) reason(u *unit) string {
	switch {
	case u.there && u.service != nil && u.cfg.With != "":
		return "this node holds router " + u.cfg.With
	case u.there:
		return "it is bound to no router"
	case l.stopping:
		return "the agent stops"
	case u.service == nil && u.heir != nil:
		return "it has another plane"
	case u.service == nil:
		return "it is not configured any more"
	default:
		return "this node does not hold router " + u.cfg.With
	}
}

// logTurns logs which services are programmed from now on, and which no more: those that turn for
// one reason in one line.
func (l *loop) logTurns(turned map[turn][]string) {
	for t, names := range turned {
		slices.Sort(names)
		shown := strings.Join(names[:min(mostTurned, len(names))], ", ")
		if more := len(names) - mostTurned; more > 0 {
			shown += fmt.Sprintf(" and %d more", more)
		}
		attrs := []any{slog.String("pools", shown), slog.String("reason", t.reason)}
		if t.on {
			l.log.Info("programmed", attrs...)
		} else {
			l.log.Info("programmed no more", attrs...)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"cmp"
	"log/slog"
	"slices"

	"github.com/vicar-ha/vicar/vip"
)

// delivery is one event for one hook.
type delivery struct {
	event   *vip.Event
	seq     uint64 // numbers events
	sink    *sink
	skipped int     // older events that it stands for
	pledge  *pledge // that waits for it, or nil
}

// subject is what events are told of one at a time: a router, a pool or a server.
type subject struct{ router, pool, server string }

func subjectOf(e *vip.Event) subject { return subject{e.Router, e.Pool, e.Server} }

// attrs are the subject in the log.
func (s subject) attrs() []slog.Attr {
	if s.pool == "" {
		return []slog.Attr{slog.String("router", s.router)}
	}
	attrs := []slog.Attr{slog.String("pool", s.pool)}
	if s.server != "" {
		attrs = append(attrs, slog.String("server", s.server))
	}
	return attrs
}

// lane is what waits for one subject, in order. One delivery at a time is taken
// out of it and run.
type lane struct {
	subject subject
	queue   []delivery
	busy    bool // a delivery is running
}

// supersedes tells whether a newer event of a subject makes an older one
// pointless for a hook that is told of both.
func supersedes(newer, older vip.EventKind) bool {
	return isState(newer) || !isState(older)
}

// push adds a delivery behind the others, and returns those that it supersedes.
func (l *lane) push(d delivery) []delivery {
	var gone []delivery
	l.queue = slices.DeleteFunc(l.queue, func(old delivery) bool {
		if old.sink != d.sink || !supersedes(d.event.Kind, old.event.Kind) {
			return false
		}
		d.skipped += old.skipped + 1
		gone = append(gone, old)
		return true
	})
	l.queue = append(l.queue, d)
	return gone
}

// pop takes out the first delivery.
func (l *lane) pop() delivery {
	d := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	return d
}

// move gives each waiting delivery to the hook that takes the place of its own,
// and returns those whose hook is gone or listens no longer.
func (l *lane) move(successor map[*sink]*sink) []delivery {
	var gone []delivery
	kept := l.queue[:0]
	for _, d := range l.queue {
		next := successor[d.sink]
		if next == nil || !next.listens(d.event) {
			gone = append(gone, d)
			continue
		}
		d.sink = next
		kept = append(kept, d)
	}
	clear(l.queue[len(kept):])
	l.queue = kept
	slices.SortStableFunc(l.queue, func(a, b delivery) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), cmp.Compare(a.sink.place, b.sink.place))
	})
	return gone
}

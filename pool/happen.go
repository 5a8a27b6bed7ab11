// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// results takes what checks have come to.
func (l *loop) results(list []track.Result) {
	if l.stopping {
		return
	}
	var changed []*unit
	seen := make(map[*unit]bool)
	for _, r := range list {
		l.latest[r.Check] = r
		for _, u := range l.users[r.Check] {
			if !seen[u] {
				seen[u] = true
				changed = append(changed, u)
			}
		}
	}
	now := time.Now()
	for _, u := range changed {
		u.judge(l.latest, now)
		l.news(u)
		l.touched[u] = true
	}
}

// judgeAll looks at all services anew.
func (l *loop) judgeAll(now time.Time) {
	for _, u := range l.services {
		u.judge(l.latest, now)
		l.news(u)
		l.touched[u] = true
	}
}

// news tells what has happened to a service.
func (l *loop) news(u *unit) {
	if len(u.service.news) == 0 {
		return
	}
	now := time.Now()
	for _, n := range u.service.news {
		l.cfg.Tell(vip.Event{
			Kind: n.kind, Cluster: l.cfg.Cluster, Node: l.cfg.Node, Pool: u.name, Server: n.server,
			State: n.state, From: n.from, Reason: n.text, Time: now,
		})
		l.logNews(u.name, n)
	}
	u.service.news = nil
	l.board.set(u.name, u.quorum, u.cause)
}

func (l *loop) logNews(service string, n news) {
	attrs := []any{slog.String("pool", service), slog.String("from", n.from), slog.String("reason", n.text)}
	if n.server != "" {
		attrs = append(attrs, slog.String("server", n.server))
	}
	switch n.kind {
	case vip.ServerUp:
		l.log.Info("server is up", attrs...)
	case vip.ServerDown:
		l.log.Warn("server is down", attrs...)
	case vip.QuorumUp:
		l.log.Info("quorum is reached", attrs...)
	default:
		l.log.Warn("quorum is lost", attrs...)
	}
}

// done takes what a worker has done.
func (l *loop) done(w *worker, wants []want) {
	now := time.Now()
	turned := make(map[turn][]string)
	for _, x := range wants {
		u := l.units[place{w.kind, x.v.Name}]
		if u == nil {
			continue
		}
		u.came(x, now)
		l.failed(u)
		if u.turned() {
			t := turn{u.there, l.reason(u)}
			turned[t] = append(turned[t], u.name)
		}
		l.touched[u] = true
		l.came(u)
	}
	l.logTurns(turned)
}

// failed logs an error that is another one than the last.
func (l *loop) failed(u *unit) {
	text := ""
	if u.err != nil {
		text = u.err.Error()
	}
	if text == u.shownErr {
		return
	}
	u.shownErr = text
	if text == "" {
		if u.shownOn && u.there { // else that it is programmed is logged, or nothing is
			l.log.Info("programmed again", slog.String("pool", u.name))
		}
		return
	}
	l.log.Error("not programmed as wanted; it is tried again", slog.String("pool", u.name),
		slog.String("plane", string(u.plane)), slog.Any("err", u.err))
}

// compared takes what a look at a plane has found.
func (l *loop) compared(w *worker, r repair) {
	now := time.Now()
	for _, name := range r.looked {
		if u := l.units[place{w.kind, name}]; u != nil {
			u.unread = r.err
		}
	}
	for _, d := range r.drifts {
		u := l.units[place{w.kind, d.Service}]
		if u == nil {
			continue
		}
		if err := r.failed[d.Service]; err != nil {
			u.err = err
			if u.retry.IsZero() {
				u.again(now)
			}
			l.failed(u)
			l.touched[u] = true
			continue
		}
		u.repaired += uint64(max(0, d.Count)) //nolint:gosec // a count
		u.repairedAt, u.repair = now, d.What
		l.repairs(d, now)
	}
}

// repairLog is how far lines about repairs are apart: somebody who changes what
// is programmed all the time does not fill the log.
const repairLog = 10 * time.Second

// muted counts the lines that were not logged.
type muted struct {
	last time.Time
	more int
}

// repairs logs that something was put right.
func (l *loop) repairs(d Drift, now time.Time) {
	if !l.muted.last.IsZero() && now.Sub(l.muted.last) < repairLog {
		l.muted.more++
		return
	}
	l.log.Warn("somebody else has changed what is programmed; it was put right", slog.String("pool", d.Service),
		slog.String("what", d.What), slog.Int("objects", d.Count), slog.Int("not_logged_since_the_last", l.muted.more))
	l.muted = muted{last: now}
}

// poll reads the connections of what drains, when that is due and its weight 0 is
// programmed.
func (l *loop) poll(u *unit, w *worker, now time.Time) {
	if u.service == nil || !u.wanted || !u.drains() {
		u.poll = time.Time{}
		return
	}
	due := !u.poll.After(now)
	if due {
		u.poll = now.Add(drainPoll)
	}
	u.due = earliest(u.due, u.poll)
	if !due || !u.settled() || u.sent == nil {
		return
	}
	seq := u.seq
	w.ask(asked{[]Virtual{*u.sent}, func(found []Reading, err error) {
		l.inbox.put(func(l *loop) { l.polled(u, seq, now, found, err) })
	}})
}

// polled takes the connections of what drains. What was sent meanwhile may have begun a
// drain that the reading does not know of.
func (l *loop) polled(u *unit, seq uint64, from time.Time, found []Reading, err error) {
	u.unread = err
	if err != nil || u.service == nil || u.seq != seq {
		return
	}
	if u.finish(found, from) {
		l.touched[u] = true
	}
}

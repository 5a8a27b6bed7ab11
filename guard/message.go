// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// Why packets and messages are dropped, besides what quorum.Dropped counts.
const (
	dropMalformed = "malformed"
	dropVersion   = "version"
	dropSender    = "sender"   // it names another node than the peer link
	dropVoter     = "voter"    // its sender is no voter
	dropForeign   = "foreign"  // a ballot of another node
	dropSilent    = "silent"   // the voter may not speak yet
	dropDrift     = "drift"    // other lists of voters
	dropOverflow  = "overflow" // too many were waiting
	dropReport    = "report"   // on the list of voters, and it can't be
	dropUnsent    = "unsent"   // the peer link didn't take it
)

var (
	errSender = errors.New("the packet names another sender than the peer link")
	errVoter  = errors.New("the sender isn't a voter of this node's list")
	errBallot = errors.New("a message has a ballot of another node or start")
)

func (a arrived) handle(l *loop, now time.Time) {
	p, err := l.parser.Parse(a.data)
	switch {
	case errors.Is(err, quorum.ErrVersion):
		l.dropped.add(now, a.from, dropVersion, err)
		return
	case err != nil:
		l.dropped.add(now, a.from, dropMalformed, err)
		return
	case p.From != a.from || p.From == l.cfg.Node:
		l.dropped.add(now, a.from, dropSender, errSender)
		return
	case !slices.Contains(l.peers, a.from):
		l.dropped.add(now, a.from, dropVoter, errVoter)
		return
	}
	heard := false
	for i := range p.Messages {
		m := &p.Messages[i]
		heard = heard || l.ours(m)
		if !answers(m.Kind) && (m.Ballot.Node != a.from || m.Ballot.Start != p.Start) {
			l.dropped.add(now, a.from, dropForeign, errBallot)
			continue
		}
		l.message(now, a.from, m)
	}
	if heard {
		l.contact(a.from).answer(now)
		l.guard.shown.answered(a.from, now)
	}
}

func answers(k quorum.Kind) bool { return k == quorum.Promise || k == quorum.Accepted }

// message handles what a node says: to the voter, or to a candidate.
func (l *loop) message(now time.Time, from string, m *quorum.Message) {
	switch m.Kind {
	case quorum.Promise, quorum.Accepted:
		l.answered(now, from, m)
	case quorum.Prepare, quorum.Propose, quorum.Release:
		l.asked(now, from, m)
	}
}

// asked lets the voter answer.
func (l *loop) asked(now time.Time, from string, m *quorum.Message) {
	if m.Kind == quorum.Propose && from != l.cfg.Node {
		l.usurped(now, m, m.Ballot)
	}
	if l.voter == nil {
		return
	}
	if answer, ok := l.voter.Handle(now, from, *m); ok {
		l.post(now, from, &answer)
	}
}

// ours tells whether m answers a question of this life.
func (l *loop) ours(m *quorum.Message) bool {
	return answers(m.Kind) && m.Ballot.Node == l.cfg.Node && m.Ballot.Start == l.cfg.Start
}

// answered tells the candidate what a voter says.
func (l *loop) answered(now time.Time, from string, m *quorum.Message) {
	u := l.byName[m.Resource]
	if u == nil || u.candidate == nil || !l.ours(m) {
		return
	}
	if m.Refusal == quorum.Held && m.Ballot == u.candidate.Ballot() {
		l.usurped(now, m, m.Holder)
	}
	l.step(now, u, quorum.Received{From: from, Message: *m})
}

// usurped closes the fence of a resource that is held here when a later holder
// shows: its proposal, which needs promises of a majority, or a voter that has
// accepted that. A voter promises nothing while it knows of a lease that runs,
// and a renewal below its promise it refuses, so this node's lease had run out
// at one voter of the majority that granted it. Its own clock should have said
// so before; that of a machine that was stopped and resumed from outside may not.
// While unconfirmed, any other holder ends it.
func (l *loop) usurped(now time.Time, m *quorum.Message, holder quorum.Ballot) {
	u := l.byName[m.Resource]
	if u == nil || u.candidate == nil || holder.Node == l.cfg.Node || u.digest != m.Digest {
		return
	}
	if u.phase != unconfirmed && (u.phase != held || holder.Compare(u.ballot) < 0) {
		return
	}
	l.log.Warn("another node holds the lease that this one held, so the fence is closed",
		slog.String("resource", u.name), slog.String("holder", holder.Node), slog.Uint64("term", holder.Counter))
	l.shut(u)
	l.revoke(now, u, now, quorum.Held.String(), holder.Node)
}

// dropLogged is how often a drop of one reason and peer is logged.
const dropLogged = time.Minute

// drops counts what is dropped, by reason, and says it now and then.
type drops struct {
	log    *slog.Logger
	counts map[string]uint64
	logged map[dropKey]time.Time
}

type dropKey struct{ from, reason string }

func newDrops(log *slog.Logger) drops {
	return drops{log: log, counts: make(map[string]uint64), logged: make(map[dropKey]time.Time)}
}

func (d *drops) add(now time.Time, peer, reason string, err error) {
	d.counts[reason]++
	k := dropKey{peer, reason}
	if at, ok := d.logged[k]; ok && now.Sub(at) < dropLogged {
		return
	}
	if len(d.logged) >= 100 { // that many peers there are not
		maps.DeleteFunc(d.logged, func(_ dropKey, at time.Time) bool { return now.Sub(at) >= dropLogged })
	}
	if len(d.logged) < 100 {
		d.logged[k] = now
		d.log.Warn("lease messages are dropped; more of that kind are counted for a minute",
			slog.String("peer", peer), slog.String("reason", reason), slog.Any("err", err), slog.Uint64("count", d.counts[reason]))
	}
}

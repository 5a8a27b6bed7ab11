// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// granted takes a lease, or its renewal.
func (l *loop) granted(u *unit, a quorum.Granted) {
	u.until = a.Until
	l.leans(u)
	switch u.phase {
	case held:
		l.opens(u, false)
	case asking, unconfirmed:
		u.phase, u.ballot = held, u.candidate.Ballot()
		l.opens(u, true)
	case idle: // Shut came before: it runs out, or is released
	}
}

// refused says why the lease isn't granted.
func (l *loop) refused(now time.Time, u *unit, a quorum.Refused) {
	reason := l.reason(now, a.Reason)
	switch u.phase {
	case asking:
		l.refuse(u, reason, a.Holder.Node)
	case unconfirmed:
		switch a.Reason {
		case quorum.Unheard, quorum.Promised, quorum.Released: // nobody else holds it
			u.shown.Refusal, u.shown.Holder = reason, ""
			l.show(u)
		default:
			l.shut(u)
			l.revoked(u, now, reason, a.Holder.Node)
			u.next = quorum.Stop{}
		}
	case idle, held:
	}
}

// reason is the refusal's name.
func (l *loop) reason(now time.Time, r quorum.Refusal) string {
	if r == quorum.Unheard && (l.voter == nil || now.Before(l.voter.Silent())) {
		return reasonNotReady
	}
	return r.String()
}

// refuse tells why not, if it is something else than before.
func (l *loop) refuse(u *unit, reason, holder string) {
	if u.reason == reason && u.holder == holder {
		return
	}
	u.reason, u.holder = reason, holder
	u.shown.Refusal, u.shown.Holder = reason, holder
	l.show(u)
	l.guard.tell.verdict(vip.Verdict{Resource: u.name, Kind: vip.Refused, Reason: reason, Holder: holder}, u.claim)
}

// lost takes that the lease ends.
func (l *loop) lost(now time.Time, u *unit, a quorum.Lost) {
	if u.phase != held {
		return
	}
	reason := a.Reason.String()
	stalled := now.Sub(u.renewed) > u.lease/2
	switch {
	case a.Reason == quorum.Unheard && stalled:
		reason = reasonStalled
	case a.Reason == quorum.Unheard && u.cfg.Hold:
		l.unconfirm(u)
		return
	}
	l.revoked(u, a.Until, reason, a.Holder.Node)
}

// unconfirm keeps a resource though no majority answers. The fence stays open
// for T after the last Renew.
func (l *loop) unconfirm(u *unit) {
	reason := quorum.Unheard.String()
	l.log.Warn("no majority of voters answers, and the addresses are kept, which another node may take as well (on_loss: hold)",
		slog.String("resource", u.name))
	u.phase, u.next = unconfirmed, quorum.Acquire{}
	u.shown.Held, u.shown.Unconfirmed, u.shown.Refusal = false, true, reason
	u.shown.Lost++
	l.opens(u, false)
	l.guard.tell.verdict(vip.Verdict{
		Resource: u.name, Kind: vip.Unconfirmed, Term: u.ballot.Counter, Until: u.fenceUntil(), Reason: reason,
	}, u.claim)
}

// revoke ends a claim that was granted, though its candidate may hold it still.
func (l *loop) revoke(now time.Time, u *unit, until time.Time, reason, holder string) {
	l.revoked(u, until, reason, holder)
	l.step(now, u, quorum.Stop{})
}

// revoked tells that a claim that was granted is over. The fence stays at its
// end, unless it was shut.
func (l *loop) revoked(u *unit, until time.Time, reason, holder string) {
	if u.phase == held {
		u.shown.Lost++
	}
	l.end(u)
	u.shown.Refusal, u.shown.Holder = reason, holder
	l.guard.tell.verdict(vip.Verdict{
		Resource: u.name, Kind: vip.Revoked, Term: u.ballot.Counter, Until: until, Reason: reason, Holder: holder,
	}, u.claim)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp"
)

// lease is what the Guard has said of a group's resource.
type lease struct {
	held        bool
	term        uint64
	since       time.Time
	until       time.Time // as first granted
	token       string    // for a successor
	unconfirmed bool
	lost        uint64
	counted     bool // as lost, though the Guard hasn't said so
	// refusal is why it is not granted or was lost, holder who has it instead.
	refusal, holder string
	claimed         bool   // the Guard was asked, and not told that it is over
	follows         uint64 // see former
}

// former is the term that a group's lease was lost in. A lease that is granted anew
// soon after follows it, unless anything tells of another holder between: a reload
// that changes the addresses makes a holder lose its lease, and get it again. Who
// kept its addresses without one may get it back much later.
type former struct {
	term   uint64
	at     time.Time
	broken bool // another holds it, or did
}

// follows is the term that a lease granted now follows, or 0.
func (g *group) follows(now time.Time) uint64 {
	heard := func(i *instance) bool { return i.heard.After(g.former.at) }
	if g.former.broken || !g.lease.held && now.Sub(g.former.at) >= continued || slices.ContainsFunc(g.members, heard) {
		return 0
	}
	return g.former.term
}

// leaseHeld is a verdict's reason: another holds the lease.
const leaseHeld = "held"

// guarded tells whether the group needs the Guard's leave.
func (g *group) guarded() bool { return g.unit.routers[0].Guarded }

// watchGuard runs the Guard's watch; an agent that can't know whether it may hold
// its addresses stops.
func (l *loop) watchGuard(ctx context.Context, world Guard) {
	err := world.Watch(ctx, l.verdicts.put)
	if ctx.Err() == nil {
		l.post(blind{fmt.Errorf("watching the guard: %w", err)})
	}
}

// claim asks the Guard, and the present holder to hand over if it is worse and
// all that is in the way: voters may refuse for another reason, and then it would
// give up for nobody.
func (l *loop) claim(g *group, now time.Time, preempt bool) {
	g.lease.claimed, g.preempts = true, preempt
	g.former.broken = g.former.broken || g.token != ""
	l.cfg.Guard.Claim(g.key(), g.token)
	g.token = ""
	if preempt && g.lease.refusal == leaseHeld {
		l.askHandover(g, now)
	}
	l.setUnheard(g, !preempt && g.lease.refusal != "" && g.lease.holder != "")
}

// verdict takes over what the Guard says.
func (l *loop) verdict(now time.Time, v vip.Verdict) {
	g := l.groups[v.Resource]
	if g == nil {
		if v.Kind == vip.Granted {
			l.release(v.Resource)
		}
		return
	}
	g.lease.unconfirmed = v.Kind == vip.Unconfirmed
	switch v.Kind {
	case vip.Granted:
		l.granted(g, now, v)
	case vip.Refused:
		l.refused(g, now, v)
	case vip.Revoked:
		l.revoked(g, now, v)
	case vip.Unconfirmed:
		g.former = former{term: g.lease.term, at: now}
		l.log.Error("no majority of the voters answers; the addresses stay, as configured (on_loss: hold)", slog.String("resource", g.key()),
			slog.Uint64("term", g.lease.term))
	}
}

func (l *loop) granted(g *group, now time.Time, v vip.Verdict) {
	follows := g.follows(now)
	if g.lease.held {
		l.log.Info("the lease is confirmed again", slog.String("resource", g.key()), slog.Uint64("term", v.Term))
	}
	g.lease = lease{held: true, claimed: true, term: v.Term, since: now, until: v.Until, token: v.Token, lost: g.lease.lost, follows: follows}
	l.setUnheard(g, false)
	l.step(g.members[0], now, vrrp.Granted{Term: v.Term})
}

func (l *loop) refused(g *group, now time.Time, v vip.Verdict) {
	g.former.broken = g.former.broken || v.Holder != ""
	if v.Reason != g.lease.refusal || v.Holder != g.lease.holder {
		g.lease.refusal, g.lease.holder = v.Reason, v.Holder
		level := slog.LevelWarn
		if v.Holder != "" {
			level = slog.LevelInfo
		}
		l.log.Log(context.Background(), level, "the lease is refused", slog.String("resource", g.key()), slog.String("reason", leaseReason(v)))
	}
	claims := slices.ContainsFunc(g.members, func(i *instance) bool { return i.engine.Status().Claiming })
	if claims && g.preempts && v.Reason == leaseHeld {
		l.askHandover(g, now)
	}
	l.setUnheard(g, claims && v.Holder != "" && !g.hearsWorse(now))
}

func (l *loop) revoked(g *group, now time.Time, v vip.Verdict) {
	was := g.lease
	g.lease = lease{lost: was.lost, refusal: v.Reason, holder: v.Holder}
	g.former = former{term: was.term, at: now, broken: v.Holder != ""}
	if was.held && !was.counted {
		g.lease.lost++
		l.log.Warn("lost the lease", slog.String("resource", g.key()), slog.Uint64("term", was.term), slog.String("reason", leaseReason(v)))
	}
	l.step(g.members[0], now, vrrp.Revoked{Reason: leaseReason(v)})
	// The claim is over, and what the voters still have of it is given back once
	// the addresses are gone.
	g.lease.claimed = true
	l.giveBack(g, now)
}

// release gives a resource back. What the Guard has said of it before does not
// answer the next claim.
func (l *loop) release(resource string) {
	l.cfg.Guard.GiveUp(resource)
	l.verdicts.discard(func(v vip.Verdict) bool { return v.Resource == resource })
}

// leaseReason says why a lease isn't granted or was lost.
func leaseReason(v vip.Verdict) string {
	switch {
	case v.Holder != "":
		return v.Holder + " holds it"
	case v.Reason == "unheard":
		return "no majority of the voters answers"
	default:
		return status.RefusalWords(v.Reason)
	}
}

// renews notes that a member has sent its regular advert. That of the shortest
// interval renews for all.
func (l *loop) renews(i *instance) {
	g := i.router.group
	if !g.guarded() || !g.lease.held || g.renewing || i.router.cfg.Interval > g.shortest() {
		return
	}
	g.renewing, g.renewed = true, g.told
	l.renewals = append(l.renewals, g.key())
}

// shortest is the shortest interval of the group's routers.
func (g *group) shortest() time.Duration {
	return slices.MinFunc(g.unit.routers, func(a, b Router) int { return int(a.Interval - b.Interval) }).Interval
}

// renew has the Guard renew the leases of those that have sent their adverts.
func (l *loop) renew() {
	if len(l.renewals) == 0 {
		return
	}
	for _, key := range l.renewals {
		if g := l.groups[key]; g != nil {
			g.renewing = false
		}
	}
	l.cfg.Guard.Renew(l.renewals)
	l.renewals = nil
}

// idle tells whether a group holds nothing: no member is Active, or has
// addresses to give up.
func (g *group) idle() bool {
	return !g.engines.Busy() && !slices.ContainsFunc(g.members, func(i *instance) bool { return i.engine.State() == vrrp.Active })
}

// giveBack returns the lease of a group that holds nothing and wants nothing, and
// then tells the successor, if the group gave up in order.
func (l *loop) giveBack(g *group, now time.Time) {
	if !g.idle() {
		return
	}
	wants := slices.ContainsFunc(g.members, func(i *instance) bool { return i.engine.Status().Claiming })
	token := g.lease.token
	if g.lease.claimed && (!wants || g.lease.held) {
		l.release(g.key())
		g.lease = lease{lost: g.lease.lost}
		l.setUnheard(g, false)
	}
	if g.parted {
		g.parted = false
		l.handOn(g, now, token)
	}
}

func (g *group) leaseStatus() *status.Lease {
	if !g.guarded() {
		return nil
	}
	return &status.Lease{
		Held: g.lease.held, Term: g.lease.term, Until: g.lease.until, Since: g.lease.since, Lost: g.lease.lost,
		Refusal: g.lease.refusal, Holder: g.lease.holder, Unconfirmed: g.lease.unconfirmed,
	}
}

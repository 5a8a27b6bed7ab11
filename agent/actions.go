// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// step tells an engine's group what happened and does what it answers.
func (l *loop) step(i *instance, now time.Time, ev vrrp.Event) {
	g := i.router.group
	g.told, g.moving, g.stalled = now, false, false
	for _, r := range g.routers {
		r.mover = nil
	}
	for _, a := range g.engines.Step(now, i.member, ev) {
		l.perform(g.members[a.Member], now, a.Action)
	}
	for _, o := range g.members {
		if due, ok := g.engines.Deadline(o.member); ok {
			l.deadlines.set(o, due)
		} else {
			l.deadlines.remove(o)
		}
	}
	if g.moved {
		g.moved = false
		l.countMove(g, now)
	}
	if g.lease.claimed || g.parted {
		l.giveBack(g, now)
	}
	if g.resumes {
		l.resume(g, now)
	}
}

// perform carries out one action. It queues and never waits.
func (l *loop) perform(i *instance, now time.Time, a vrrp.Action) {
	switch a := a.(type) {
	case vrrp.Send:
		l.send(i, now, a.Priority)
		if a.Priority == wire.PriorityStop {
			i.router.group.parted = true
		} else {
			l.renews(i)
		}
	case vrrp.Claim:
		l.claim(i.router.group, now, a.Preempt)
	case vrrp.Unclaim:
		i.router.group.lease.claimed = true // giveBack sees that nobody wants it
	case vrrp.Own:
		if i.term = a.Term; !a.Again {
			i.held = false
			i.router.saidGivesUp, i.router.saidTookOver = false, false
		}
		l.farewell(i, now)
		i.owner.put(i.intent(true))
	case vrrp.Disown:
		if g := i.router.group; g.guarded() {
			l.cfg.Guard.Shut(g.key())
		}
		l.tellGivesUp(i, now)
		i.owner.put(i.intent(false))
	case vrrp.Announce:
		i.owner.announceAgain()
	case vrrp.Change:
		l.changed(i, now, a)
	case vrrp.Notice:
		l.notice(i, now, a)
	}
}

// send queues the instance's adverts of the priority on its link.
func (l *loop) send(i *instance, now time.Time, priority uint8) {
	if i.link == nil {
		return
	}
	packets, err := i.packets(priority)
	if err != nil {
		l.cannotEncode(i, now, err)
		return
	}
	i.link.out = append(i.link.out, packets...)
	i.sent += uint64(len(packets))
}

func (l *loop) cannotEncode(i *instance, now time.Time, err error) {
	i.limit.log(now, func(more uint64) {
		l.log.Error("cannot encode advert", slog.String("router", i.router.cfg.Name), slog.Any("err", err), slog.Uint64("more", more))
	})
}

// farewell prepares what an Active says should the agent die.
func (l *loop) farewell(i *instance, now time.Time) {
	if l.cfg.Executor == nil || i.link == nil {
		return
	}
	packets, err := i.packets(wire.PriorityStop)
	if err != nil {
		l.cannotEncode(i, now, err)
		return
	}
	l.cfg.Executor.Farewell(i.claimName(), i.link.spec, packets)
}

// flush sends what the round has queued, a batch per link.
func (l *loop) flush(now time.Time) {
	for _, k := range l.links {
		sent := len(k.out) > 0
		err := k.flush()
		if err == nil {
			if sent {
				k.lastErr = ""
			}
			continue
		}
		k.lastErr = err.Error()
		k.limit.log(now, func(more uint64) {
			l.log.Warn("cannot send", slog.String("iface", k.spec.Interface), slog.Int("family", k.spec.Family), slog.Any("err", err), slog.Uint64("more", more))
		})
	}
}

// started is the reason of a router's first transition.
const started = "started"

// changed notes a transition. Of those that one event brings, the first one's
// engine speaks for the router; the others go along with it.
func (l *loop) changed(i *instance, now time.Time, c vrrp.Change) {
	r := i.router
	if c.From == vrrp.Initialize && r.transitions[vrrp.Backup]+r.transitions[vrrp.Active] == 0 {
		c.Reason = started // it has waited for something, but recovered from nothing
	}
	i.said = c.Reason
	level := slog.LevelInfo
	switch {
	case r.mover != nil && r.mover != i:
		level = slog.LevelDebug
	case i.fault != "" || i.heldErr != "" || r.group.blocked != "":
		level = slog.LevelWarn
	}
	if g := r.group; !g.moving && (c.From == vrrp.Active || c.To == vrrp.Active) {
		g.moving, g.moved = true, true
		l.turned(g, now, c.To)
	}
	l.countStall(i, c)
	l.stateChanged()
	if r.mover == nil || r.mover == i {
		r.mover = i
		r.reason, r.since = c.Reason, now
		r.transitions[c.To]++
		l.tell(i, now, transitionKind(r, c.To), c.From, c.To, c.Reason)
	}
	l.log.Log(context.Background(), level, "state changed", slog.String("router", r.cfg.Name), slog.Int("family", i.family),
		slog.Int("vrid", int(r.cfg.VRID)), slog.String("from", c.From.String()), slog.String("to", c.To.String()),
		slog.Uint64("term", i.engine.Status().Term), slog.String("reason", c.Reason))
}

// countStall counts that an Active stepped down because it had been held up,
// whatever event found that out. That its group goes along is the same stall. A
// lease that is given up for it is one that was lost.
func (l *loop) countStall(i *instance, c vrrp.Change) {
	st, g := i.engine.Status(), i.router.group
	if c.From != vrrp.Active || st.Stalls == i.stalls {
		return
	}
	i.stalls = st.Stalls
	if g.stalled {
		return
	}
	g.stalled = true
	l.lateness.stalled(st.Late)
	if g.lease.held && !g.lease.counted {
		g.lease.lost++
		g.lease.counted = true
		l.log.Warn("lost the lease", slog.String("resource", g.key()), slog.Uint64("term", g.lease.term), slog.String("reason", c.Reason))
	}
}

// notice counts a condition and says so, at a bounded rate, with what the
// advert said and what this node has.
func (l *loop) notice(i *instance, now time.Time, n vrrp.Notice) {
	if n.Kind == vrrp.NoticeRival {
		i.rival, i.rivalAt = n.From, now
	}
	i.notices[n.Kind].add(now, func(more uint64) {
		attrs := []slog.Attr{
			slog.String("router", i.router.cfg.Name), slog.Any("peer", n.From),
			slog.String("kind", n.Kind.String()), slog.Uint64("more", more),
		}
		switch n.Kind {
		case vrrp.NoticeInterval:
			attrs = append(attrs, slog.Duration("theirs", i.advert.Interval), slog.Duration("ours", i.router.cfg.Interval))
		case vrrp.NoticeAddresses:
			attrs = append(attrs, slog.Any("theirs", slices.Clone(i.advert.Addresses)), slog.Any("ours", i.router.cfg.advertised(i.family)))
		default: // the peer is all there is to say
		}
		l.log.LogAttrs(context.Background(), slog.LevelWarn, "odd advert", attrs...)
	})
}

// answered is an owner's answer.
type answered struct {
	i *instance
	settled
}

// lacks notes why an Active that holds what it held has not all that it is to have.
func (i *instance) lacks(now time.Time, l *loop, why error) {
	had := i.heldErr
	if i.heldErr = ""; why == nil {
		if had != "" && i.held {
			l.log.Info("all addresses are held", slog.String("router", i.router.cfg.Name))
		}
		return
	}
	i.heldErr = why.Error()
	i.limit.log(now, func(more uint64) {
		l.log.Warn("the addresses are not all as wanted; those that were held stay", slog.String("router", i.router.cfg.Name),
			slog.Any("err", why), slog.Uint64("more", more))
	})
}

// handle tells the engine how its claim went.
func (m answered) handle(l *loop, now time.Time) {
	i := m.i
	i.restored += uint64(m.restored)
	if m.term == i.term {
		if held := m.held && m.err == nil; held != i.held {
			i.held = held
			l.stateChanged()
		}
		i.lacks(now, l, m.lacking)
	}
	if m.err != nil {
		i.heldErr = m.err.Error()
		i.limit.log(now, func(more uint64) {
			l.log.Error("addresses not as wanted", slog.String("router", i.router.cfg.Name), slog.Uint64("term", m.term),
				slog.Bool("held", m.held), slog.Any("err", m.err), slog.Uint64("more", more))
		})
	}
	if m.untold != nil {
		i.limit.log(now, func(more uint64) {
			l.log.Warn("addresses are held but could not be announced", slog.String("router", i.router.cfg.Name),
				slog.Any("err", m.untold), slog.Uint64("more", more))
		})
	}
	if m.restored > 0 {
		l.log.Warn("addresses restored that somebody removed", slog.String("router", i.router.cfg.Name), slog.Int("count", m.restored))
	}
	if m.term == i.term && !m.held && m.err == nil && l.cfg.Executor != nil {
		l.cfg.Executor.Farewell(i.claimName(), Link{}, nil)
	}
	l.step(i, now, vrrp.Settled{Term: m.term, Held: m.held, Err: m.err})
	if i.held {
		l.tellTookOver(i, now)
	}
	l.forget(i.router.group)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// Leases travel on the peer link, adverts and the service's packets on the
// routers' interface. A holder whose interface is dead while the peer link lives
// would renew for ever. So a node to whom a lease is refused says whether it
// hears the holder; a holder whom nobody hears asks the hosts around it.

// unheardRetry is how long after a question the next one is asked.
const unheardRetry = time.Second

// setUnheard notes whether this node misses the adverts of the lease's holder.
func (l *loop) setUnheard(g *group, on bool) {
	if g.unheard != on {
		g.unheard = on
		l.stateChanged()
	}
}

// hearsWorse tells whether the group hears a holder, if only one that is worse.
func (g *group) hearsWorse(now time.Time) bool {
	for _, i := range g.members {
		if !i.heard.IsZero() && now.Sub(i.heard) <= 3*g.shortest() {
			return true
		}
	}
	return false
}

// nobodyHears tells whether all other nodes that could hold the resource miss
// this holder's adverts, and there are such nodes.
func (l *loop) nobodyHears(g *group, now time.Time) bool {
	candidates := 0
	for node, r := range l.states(g) {
		if r.State == vrrp.Initialize.String() || l.absent(g, now, node) != "" {
			continue
		}
		if !r.Unheard {
			return false
		}
		candidates++
	}
	return candidates > 0
}

// checkHeard asks around if nobody hears this holder, and ends the alarm when
// somebody does.
func (l *loop) checkHeard(g *group, now time.Time) {
	if g.active() && g.guarded() && l.nobodyHears(g, now) {
		l.askAround(g, now)
		return
	}
	if g.filtered != "" {
		g.filtered = ""
		l.log.Info("other nodes hear this holder again", slog.String("resource", g.key()))
	}
}

// recheck asks again what was asked before.
func (l *loop) recheck(g *group, now time.Time) {
	if g.dead != "" {
		l.askAround(g, now)
		return
	}
	l.checkHeard(g, now)
}

// askAround asks the hosts on a group's interface whether they are there, in a
// goroutine of its own, at most once per unheardRetry.
func (l *loop) askAround(g *group, now time.Time) {
	if l.cfg.Prober == nil || g.asking {
		return
	}
	if next := g.askedAt.Add(unheardRetry); now.Before(next) {
		l.reviewBy(next)
		return
	}
	g.asking, g.askedAt = true, now
	key, iface := g.key(), g.members[0].iface
	prober, hosts := l.cfg.Prober, l.cfg.Hosts
	l.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), unheardRetry)
		defer cancel()
		ok, err := prober.Reachable(ctx, iface, hosts)
		l.post(askedAround{key, iface, ok, err})
	})
}

// askedAround tells the loop whether a host on the interface has answered.
type askedAround struct {
	key, iface string
	reached    bool
	err        error
}

func (m askedAround) handle(l *loop, now time.Time) {
	g := l.groups[m.key]
	if g == nil {
		return
	}
	g.asking = false
	dead := ""
	switch {
	case m.err != nil:
		l.limit.log(now, func(more uint64) {
			l.log.Warn("cannot ask the hosts around", slog.String("iface", m.iface), slog.Any("err", m.err), slog.Uint64("more", more))
		})
		dead = g.dead // nothing is known, and it is asked again
	case !m.reached:
		dead = fmt.Sprintf("nobody hears this node on %s, and nobody answers it there", m.iface)
	case g.active() && g.filtered == "" && l.nobodyHears(g, now):
		g.filtered = fmt.Sprintf("no other node hears its adverts, though hosts on %s answer: is something filtering VRRP?", m.iface)
		l.log.Error("no other node hears this holder's adverts", slog.String("resource", g.key()), slog.String("reason", g.filtered))
	}
	if dead != g.dead {
		g.dead = dead
		l.weigh(g, now)
	}
	l.recheck(g, now)
}

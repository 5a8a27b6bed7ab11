// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
)

// An agent that is restarted gives up what it holds, and the one after it would wait
// for the time-out of an Active that was itself, though nobody was there to take over.
// So the first tells what it gave up to nobody (Agent.GaveUp), and the second takes it
// at once, unless somebody may have it by then.

// Resume is what this node's agent gave up to nobody when it was stopped.
type Resume struct {
	Resources []string
	Ago       time.Duration // that is how long before New
}

// GaveUp are the resources that Run's end gave up with no other node there to take
// over, as far as is known. It may be asked when Run has returned.
func (a *Agent) GaveUp() []string { return a.gaveUp }

// orphan notes, before a stop, that a group is given up to nobody. Without a peer link
// that is known only of who is the only node.
func (l *loop) orphan(g *group, now time.Time) {
	alone := l.best(g, now, "", l.absent) == ""
	if l.cfg.Peers == nil {
		alone = true
		for _, name := range l.cfg.Names {
			alone = alone && name == l.cfg.Node
		}
	}
	if alone && g.active() {
		l.gaveUp = append(l.gaveUp, g.key())
	}
}

// resumable tells whether a group that has just been made was given up to nobody.
func (l *loop) resumable(g *group) bool { return slices.Contains(l.cfg.Resume.Resources, g.key()) }

// resume makes a group Active that was given up to nobody, as soon as it can take part.
// A node that came meanwhile has waited for three intervals before it took over: until
// then nobody has the addresses.
func (l *loop) resume(g *group, now time.Time) {
	over := l.cfg.Resume.Ago+now.Sub(l.started) >= 3*g.shortest()
	switch {
	case g.state() == vrrp.Initialize && !over:
	case g.state() != vrrp.Backup || over || g.yields != "" || l.other(g, now) != "":
		g.resumes = false
	default:
		g.resumes = false
		l.step(g.members[0], now, vrrp.Succeed{Reason: "goes on after a restart: nobody else was there"})
	}
}

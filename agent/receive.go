// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// handle uses a batch and lets its reader go on.
func (m arrived) handle(l *loop, now time.Time) {
	for n := range m.batch {
		l.receive(m.link, now, &m.batch[n])
	}
	m.link.unread.Store(false)
	select {
	case m.link.used <- struct{}{}:
	case <-l.done:
	}
}

// handle notes a reader's error. The router's interface is watched elsewhere,
// so only a link that nobody closed needs anything done.
func (m failed) handle(l *loop, now time.Time) {
	current := l.links[keyOf(m.link.spec)] == m.link
	if !current || m.gone {
		return
	}
	m.link.lastErr = m.err.Error()
	m.link.limit.log(now, func(more uint64) {
		l.log.Warn("cannot receive", slog.String("iface", m.link.spec.Interface), slog.Int("family", m.link.spec.Family),
			slog.Any("err", m.err), slog.Uint64("more", more))
	})
}

// receive finds the router a packet is for and hands it the advert, or counts
// why not. The checks are those of RFC 9568 section 7.1, the transport's first.
func (l *loop) receive(k *link, now time.Time, p *wire.Packet) {
	i, err := k.find(p)
	if i == nil {
		l.drop(&k.drops, &k.limit, now, "", p.Src, err)
		return
	}
	if err := i.accept(p); err != nil {
		l.drop(&i.drops, &i.limit, now, i.router.cfg.Name, p.Src, err)
		return
	}
	i.received++
	if i.advert.Priority == wire.PriorityStop {
		i.priorityZero++
	}
	i.deferred = time.Time{}
	l.step(i, now, vrrp.Received{From: p.Src, Advert: &i.advert})
}

// find is the instance that a packet's VRID belongs to.
func (k *link) find(p *wire.Packet) (*instance, error) {
	if len(p.Data) < 2 {
		return nil, wire.DropTruncated
	}
	if i := k.byVRID[p.Data[1]]; i != nil {
		return i, nil
	}
	return nil, wire.DropVRID
}

// accept checks a packet for its instance and parses it into i.advert.
func (i *instance) accept(p *wire.Packet) error {
	cfg := &i.router.cfg
	if p.Src == i.source {
		return wire.DropOwn
	}
	if err := i.acceptPath(p); err != nil {
		return err
	}
	sum, err := i.advert.Parse(p.Data, p.Src, p.Dst)
	if err != nil {
		return err
	}
	if i.advert.Version != cfg.Version {
		return wire.DropVersion
	}
	if cfg.Version == wire.V2 && !samePassword(i.advert.Password, cfg.Password) {
		return wire.DropAuth
	}
	if cfg.Version == wire.V3 && i.family == 4 {
		i.sums[sum]++
	}
	return nil
}

// acceptPath checks where a packet came from and how far.
func (i *instance) acceptPath(p *wire.Packet) error {
	multicast := p.Dst.IsMulticast()
	if i.router.cfg.Multicast {
		switch {
		case !multicast:
			return wire.DropNotMulticast
		case p.TTL != wire.TTL:
			return wire.DropTTL
		case i.family == 6 && !p.Src.IsLinkLocalUnicast():
			return wire.DropNotLinkLocal
		}
		return nil
	}
	if multicast {
		return wire.DropNotUnicast
	}
	ttl, ok := i.ttlMin[p.Src]
	switch {
	case !ok:
		return wire.DropNotPeer
	case p.TTL < ttl:
		return wire.DropTTL
	}
	return nil
}

// samePassword compares in a time that tells nothing about the password.
func samePassword(a, b *[8]byte) bool {
	if a == nil || b == nil {
		return a == b
	}
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// drop counts a dropped packet and says so, at a bounded rate.
func (l *loop) drop(counts *[wire.Drops]uint64, limit *limiter, now time.Time, router string, from netip.Addr, err error) {
	reason := wire.DropTruncated
	if !errors.As(err, &reason) {
		return
	}
	counts[reason]++
	limit.log(now, func(more uint64) {
		l.log.Warn("advert dropped", slog.String("router", router), slog.Any("peer", from), slog.String("reason", reason.String()), slog.Uint64("more", more))
	})
}

// changed notes a transition.
func (l *loop) changed(i *instance, now time.Time, c vrrp.Change) {
	r := i.router
	r.reason, r.since = c.Reason, now
	r.transitions[c.To]++
	l.log.Info("state changed", slog.String("router", r.cfg.Name), slog.Int("family", i.family), slog.Int("vrid", int(r.cfg.VRID)),
		slog.String("from", c.From.String()), slog.String("to", c.To.String()), slog.Uint64("term", i.engine.Status().Term), slog.String("reason", c.Reason))
}

// notice counts a condition and says so, at a bounded rate.
func (l *loop) notice(i *instance, now time.Time, n vrrp.Notice) {
	i.notices[n.Kind]++
	i.limit.log(now, func(more uint64) {
		l.log.Warn("odd advert", slog.String("router", i.router.cfg.Name), slog.Any("peer", n.From), slog.String("kind", n.Kind.String()), slog.Uint64("more", more))
	})
}

// answered is an owner's answer.
type answered struct {
	i *instance
	settled
}

// handle tells the engine how its claim went.
func (m answered) handle(l *loop, now time.Time) {
	i := m.i
	i.restored += uint64(m.restored)
	if m.term == i.term {
		i.held = m.held && m.err == nil
		i.heldErr = ""
	}
	if m.err != nil {
		i.heldErr = m.err.Error()
		i.limit.log(now, func(more uint64) {
			l.log.Error("addresses not as wanted", slog.String("router", i.router.cfg.Name), slog.Uint64("term", m.term),
				slog.Bool("held", m.held), slog.Any("err", m.err), slog.Uint64("more", more))
		})
	}
	if m.restored > 0 {
		l.log.Warn("addresses restored that somebody removed", slog.String("router", i.router.cfg.Name), slog.Int("count", m.restored))
	}
	l.step(i, now, vrrp.Settled{Term: m.term, Held: m.held, Err: m.err})
	l.forget(i.router)
}

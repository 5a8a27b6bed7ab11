// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
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
		l.drop(&k.drops, now, "", p, err)
		return
	}
	if err := i.accept(p); err != nil {
		l.drop(&i.drops, now, i.router.cfg.Name, p, err)
		return
	}
	i.received++
	i.heard = now
	if v := &i.router.group.vain; v.to != "" {
		v.holds(l.cfg.Names[p.Src])
	}
	if i.advert.Priority == wire.PriorityStop {
		i.priorityZero++
	}
	i.deferred = time.Time{}
	l.step(i, i.arrival(now, p.Age), vrrp.Received{From: p.Src, Advert: &i.advert})
}

// arrival is when a packet of that age arrived, as far as its engine can be
// told: never before what it was told last.
func (i *instance) arrival(now time.Time, age time.Duration) time.Time {
	at := now.Add(-age)
	if last := i.router.group.told; at.Before(last) {
		return last
	}
	return at
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
	if cfg.Version == wire.V2 && i.advert.Interval != cfg.Interval {
		return wire.DropIntervalV2
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
func (l *loop) drop(drops *[wire.Drops]tally, now time.Time, router string, p *wire.Packet, err error) {
	reason := wire.DropTruncated
	if !errors.As(err, &reason) {
		return
	}
	drops[reason].add(now, func(more uint64) {
		attrs := []slog.Attr{
			slog.String("router", router), slog.Any("peer", p.Src), slog.String("reason", reason.String()), slog.Uint64("more", more),
		}
		if reason == wire.DropVRID {
			attrs[0] = slog.Int("vrid", int(p.Data[1]))
		}
		l.log.LogAttrs(context.Background(), slog.LevelWarn, "advert dropped", attrs...)
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
)

// packet takes what came by UDP: messages at once, and memberlist's own packets
// to memberlist if it returns true. What strangers send ends here. room is where
// it may be decrypted.
func (l *Link) packet(b, room []byte, from netip.AddrPort) (pass bool) {
	plain, err := (*l.ciphers.Load()).unpack(room, b, l.cfg.Cluster)
	switch {
	case errors.Is(err, errLabel):
		l.bridge.refused(wrongCluster, from.Addr().String())
		return false
	case err != nil:
		l.bridge.refused(wrongKey, from.Addr().String())
		return false
	}
	b, ok := message(plain)
	if !ok {
		return true
	}
	(*delegate)(l).NotifyMsg(b)
	return false
}

// NotifyMsg is a message. From memberlist it is one that came by TCP, or with
// others in a packet.
func (d *delegate) NotifyMsg(b []byte) {
	l := (*Link)(d)
	f, err := parseFrame(b)
	if err != nil {
		l.malformed(err)
		return
	}
	if f.kind != kindState && string(f.to) != l.cfg.Node {
		l.counts.misdirected.Add(1)
		return
	}
	switch f.kind {
	case kindDirect, kindSealed:
		if p, open := l.admit(&f); p != nil {
			l.receive(p, open, &f)
		}
	case kindProve, kindProof:
		l.proof(&f)
	case kindState:
		l.keep(&f)
	case kindWho, kindHere:
		l.answer(&f)
	}
}

func (l *Link) malformed(err error) {
	l.counts.malformed.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(slog.LevelWarn, "message dropped", "malformed", slog.Any("err", err))
}

// receive hands a message on.
func (l *Link) receive(p *peer, open []*Adverts, f *frame) {
	switch f.channel {
	case Lease, Agent, Probe:
		l.receiving.Lock()
		defer l.receiving.Unlock()
		if l.cfg.Received != nil && !l.ended {
			l.cfg.Received(p.name, f.channel, f.payload)
		}
	case Advert:
		if err := l.deliver(p, open, f.payload); err != nil {
			l.malformed(err)
		}
	case twins:
		l.noticed(p, f.payload)
	default:
		l.counts.unhandled.Add(1)
	}
}

// sender is the configured peer that a message says to be of, or nil. The caller
// holds mu.
func (l *Link) sender(f *frame) *peer {
	p := l.peers[string(f.from)]
	if p == nil {
		l.counts.unknown.Add(1)
		name := string(f.from)
		l.say(slog.LevelWarn, "message of a node that is not configured dropped", "unknown "+name, slog.String("node", name))
	}
	return p
}

// admit returns the sender of a message that is to be handed on, else nil, and
// who wants adverts.
func (l *Link) admit(f *frame) (*peer, []*Adverts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.sender(f)
	if p == nil {
		return nil, nil
	}
	switch p.lives.judge(f) {
	case accepted:
		return p, l.open
	case copied: // with several addresses, each message
	case repeated:
		l.counts.repeated.Add(1)
		l.say(slog.LevelWarn, "message dropped that has come before: it was recorded and sent again, or doubled on its way", "repeated "+p.name,
			slog.String("peer", p.name))
	case outdated:
		if p.lives.later(f.start, l.cfg.Now()) {
			l.counts.duplicate.Add(1)
			break
		}
		l.counts.repeated.Add(1)
		l.say(slog.LevelWarn, "old message dropped: it was recorded and sent again, or long on its way", "outdated "+p.name,
			slog.String("peer", p.name))
	case unproven:
		l.counts.unproven.Add(1)
		if f.kind == kindDirect {
			l.doubt(p, f.start)
			break
		}
		l.say(slog.LevelWarn, "sealed message dropped, of a start that is not known: it is old, or forged by who has a key",
			"sealed "+p.name, slog.String("peer", p.name))
	}
	return nil, nil
}

// keep remembers the state of a configured peer. It may come before memberlist
// knows the node, and before its start is proven.
func (l *Link) keep(f *frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[string(f.from)]
	if p == nil {
		return
	}
	t := &p.told
	if f.start != p.lives.present() {
		t = &p.next
		l.doubt(p, f.start)
	}
	if t.start != f.start || f.number > t.version {
		*t = told{start: f.start, version: f.number, state: bytes.Clone(f.payload)}
		l.changed()
	}
}

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
	l.say(slog.LevelWarn, "message dropped", "malformed", slog.Any("error", err))
}

// receive hands a message on.
func (l *Link) receive(p *peer, open []*Adverts, f *frame) {
	switch f.channel {
	case Lease, Agent:
		l.receiving.Lock()
		defer l.receiving.Unlock()
		if l.cfg.Received != nil && !l.ended {
			l.cfg.Received(p.name, f.channel, f.payload)
		}
	case Advert:
		if err := l.deliver(p, open, f.payload); err != nil {
			l.malformed(err)
		}
	default:
		l.counts.unhandled.Add(1)
	}
}

// admit returns the sender of a message that is to be handed on, else nil, and
// who wants adverts.
func (l *Link) admit(f *frame) (*peer, []*Adverts) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[string(f.from)]
	if p == nil {
		l.counts.unknown.Add(1)
		name := string(f.from)
		l.say(slog.LevelWarn, "message of a node that is not configured dropped", "unknown "+name, slog.String("node", name))
		return nil, nil
	}
	if f.kind == kindSealed {
		if !p.lives.unseal(f.start, f.number) {
			l.counts.repeated.Add(1)
			return nil, nil
		}
		return p, l.open
	}
	switch p.lives.judge(f.start, f.number) {
	case repeated, rivalled:
		l.counts.repeated.Add(1)
		return nil, nil
	case returned:
		l.counts.duplicate.Add(1)
		l.say(slog.LevelError, "two nodes have one name", "twice "+p.name, slog.String("node", p.name))
	case accepted, restarted:
	}
	if m := l.members[p.name]; m != nil {
		l.began(m, f.start)
	}
	return p, l.open
}

// keep remembers the state of a configured peer.
func (l *Link) keep(f *frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[string(f.from)]
	if p == nil {
		return
	}
	if !p.lives.newer(f.start, f.number) {
		return
	}
	// It may come before memberlist knows the node.
	p.state, p.stateOf = bytes.Clone(f.payload), f.start
	l.changed()
	if m := l.members[p.name]; m != nil {
		l.began(m, f.start)
	}
}

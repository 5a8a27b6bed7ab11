// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"
)

// What a node sends is taken once it has proven that it runs: a start that is
// not the one known is asked to send back a number that was never used before. So
// a recording proves nothing, be it that this node has just started and knows
// nobody. The question goes to the addresses of the configuration and, if it has
// joined, to the member's, not to where the message came from: a node of
// another name can't answer. What comes before the answer is lost.

const (
	// A question without an answer is asked again after a gap that doubles.
	firstGap = 20 * time.Millisecond
	lastGap  = time.Second
	// doubtFor is how long after the last message of a start it is asked for.
	doubtFor = 10 * time.Second
)

// doubt is a start of a peer that has not been proven, and the question.
type doubt struct {
	start uint64 // which raised it; 0: none, the link has started
	nonce uint64
	made  time.Time     // the question
	asked time.Time     // last
	gap   time.Duration // from then to the next time
	until time.Time     // zero: there is none
}

// raise has a peer asked.
func (d *doubt) raise(start uint64, now time.Time) {
	switch {
	case d.until.IsZero():
		*d = doubt{start: start}
		d.make(now)
	case start != 0 && d.start != start:
		d.start, d.gap = start, min(d.gap, firstGap)
	}
	if now.Sub(d.made) > doubtFor {
		d.make(now) // an answer to the old one may be old, too
	}
	d.until = now.Add(doubtFor)
}

func (d *doubt) make(now time.Time) {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	d.nonce, d.made = binary.BigEndian.Uint64(b[:]), now
}

// ask tells whether the question is to be sent now, and when to look again.
func (d *doubt) ask(now time.Time) (send bool, next time.Time) {
	switch {
	case d.until.IsZero():
		return false, time.Time{}
	case now.After(d.until):
		*d = doubt{}
		return false, time.Time{}
	case now.Before(d.asked.Add(d.gap)):
		return false, d.asked.Add(d.gap)
	}
	d.asked, d.gap = now, min(max(2*d.gap, firstGap), lastGap)
	return true, now.Add(d.gap)
}

// doubt has a peer asked to prove a start. The caller holds mu.
func (l *Link) doubt(p *peer, start uint64) {
	p.doubt.raise(start, l.cfg.Now())
	wake(l.doubts)
}

// prove asks peers whether they run, those that are doubted at once and the
// others every second, until ctx ends.
func (l *Link) prove(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.doubts:
		case <-timer.C:
		}
		timer.Reset(l.question(l.cfg.Now()))
	}
}

// question asks those who are due and returns how long to wait for the next.
func (l *Link) question(now time.Time) time.Duration {
	wait := lastGap
	type asked struct {
		to    string
		nonce uint64
	}
	var list []asked
	notices := make(map[string][]notice)
	l.mu.Lock()
	for name, p := range l.peers {
		if at := p.routine.Add(routine); now.Before(at) {
			wait = min(wait, at.Sub(now))
		} else {
			p.routine = now
			p.doubt.raise(0, now)
		}
		send, next := p.doubt.ask(now)
		if send {
			list = append(list, asked{name, p.doubt.nonce})
		}
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(now), 0))
		}
		if some := p.notices(now); len(some) > 0 {
			notices[name] = some
		}
	}
	l.mu.Unlock()
	for _, a := range list {
		l.sendNonce(kindProve, a.to, a.nonce)
	}
	for to, some := range notices {
		for _, n := range some {
			l.sendOwn(to, &frame{kind: kindDirect, channel: twins, payload: n.bytes()})
		}
	}
	return wait
}

// sendNonce sends a question or an answer, with this node's age.
func (l *Link) sendNonce(k kind, to string, nonce uint64) {
	b := binary.BigEndian.AppendUint64(nil, nonce)
	l.sendOwn(to, &frame{kind: k, payload: binary.BigEndian.AppendUint64(b, uint64(l.age()))})
}

// sendOwn sends what is between two links.
func (l *Link) sendOwn(to string, f *frame) {
	if err := l.post(to, f); err != nil {
		l.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "peer not asked, or not answered", slog.String("peer", to), slog.Any("err", err))
	}
}

var errNonce = errors.New("the question for a proof, or its answer, has another length")

// proof takes a question of a configured peer, or its answer.
func (l *Link) proof(f *frame) {
	if len(f.payload) != 16 {
		l.malformed(errNonce)
		return
	}
	nonce, age := binary.BigEndian.Uint64(f.payload), time.Duration(binary.BigEndian.Uint64(f.payload[8:]))
	if age < 0 {
		l.malformed(errNonce)
		return
	}
	now := l.cfg.Now()
	l.mu.Lock()
	p := l.sender(f)
	switch {
	case p == nil:
	case f.kind == kindProve:
		if o := p.lives.get(f.start); o == nil {
			l.doubt(p, f.start)
		} else {
			o.ran.aged(now, age)
			l.meetTwins(p, f.start, now)
		}
	case !p.doubt.until.IsZero() && p.doubt.nonce == nonce:
		l.proven(p, f.start, now, age)
	case nonce == p.answered.nonce && !p.answered.made.IsZero():
		// Each address of the node has got the question.
		p.lives.known(f.start).ran.proved(p.answered.made, now, age)
		l.meetTwins(p, f.start, now)
	}
	l.mu.Unlock()
	if p != nil && f.kind == kindProve {
		l.sendNonce(kindProof, p.name, nonce)
	}
}

// proven makes a start the present one: it runs. The caller holds mu.
func (l *Link) proven(p *peer, start uint64, now time.Time, age time.Duration) {
	made, raised := p.doubt.made, p.doubt.start
	p.answered, p.doubt = p.doubt, doubt{}
	p.lives.known(start).ran.proved(made, now, age)
	l.meetTwins(p, start, now)
	if p.lives.later(start, now) {
		return // the one that was there before is the present one
	}
	if raised != 0 && raised != start && !p.lives.later(raised, now) {
		l.say(slog.LevelWarn, "messages of another start of a peer were dropped: of a second node with its name, long on their way, or recorded and sent again", "old "+p.name,
			slog.String("peer", p.name))
	}
	l.present(p, start)
	p.heard = now
}

// present makes a start the one whose messages are taken. The caller holds mu.
func (l *Link) present(p *peer, start uint64) {
	p.lives.begin(start)
	if p.told.start != start {
		p.told, p.next = p.next, p.told
		if p.told.start != start {
			p.told = told{}
		}
	}
	if m := l.members[p.name]; m != nil {
		l.began(m, start)
	}
}

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
	asked time.Time     // last
	gap   time.Duration // from then to the next time
	until time.Time     // zero: there is none
}

// raise has a peer asked.
func (d *doubt) raise(start uint64, now time.Time) {
	if d.until.IsZero() {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails: it ends the program instead
		*d = doubt{start: start, nonce: binary.BigEndian.Uint64(b[:])}
	} else if d.start != start {
		d.start, d.gap = start, min(d.gap, firstGap)
	}
	d.until = now.Add(doubtFor)
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
	p.doubt.raise(start, time.Now())
	wake(l.doubts)
}

// prove asks peers that are doubted until ctx ends.
func (l *Link) prove(ctx context.Context) {
	l.mu.Lock()
	for _, p := range l.peers {
		l.doubt(p, 0)
	}
	l.mu.Unlock()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.doubts:
		case <-timer.C:
		}
		timer.Reset(l.question(time.Now()))
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
	l.mu.Lock()
	for name, p := range l.peers {
		send, next := p.doubt.ask(now)
		if send {
			list = append(list, asked{name, p.doubt.nonce})
		}
		if !next.IsZero() {
			wait = min(wait, max(next.Sub(now), 0))
		}
	}
	l.mu.Unlock()
	for _, a := range list {
		l.sendNonce(kindProve, a.to, a.nonce)
	}
	return wait
}

// sendNonce sends a question or an answer.
func (l *Link) sendNonce(k kind, to string, nonce uint64) {
	f := frame{kind: k, payload: binary.BigEndian.AppendUint64(nil, nonce)}
	if err := l.post(to, &f); err != nil {
		l.cfg.Log.LogAttrs(context.Background(), slog.LevelDebug, "peer not asked, or not answered", slog.String("peer", to), slog.Any("error", err))
	}
}

var errNonce = errors.New("the question for a proof, or its answer, has another length")

// proof takes a question of a configured peer, or its answer.
func (l *Link) proof(f *frame) {
	if len(f.payload) != 8 {
		l.malformed(errNonce)
		return
	}
	nonce := binary.BigEndian.Uint64(f.payload)
	l.mu.Lock()
	p := l.sender(f)
	if p != nil && f.kind == kindProof && !p.doubt.until.IsZero() && p.doubt.nonce == nonce {
		l.proven(p, f.start)
	}
	l.mu.Unlock()
	if p != nil && f.kind == kindProve {
		l.sendNonce(kindProof, p.name, nonce)
	}
}

// proven makes a start the present one: it runs. The caller holds mu.
func (l *Link) proven(p *peer, start uint64) {
	if raised := p.doubt.start; raised != 0 && raised != start {
		l.say(slog.LevelWarn, "messages of a start that is over were dropped: they were recorded and sent again, or long on their way", "old "+p.name,
			slog.String("peer", p.name))
	}
	p.doubt = doubt{}
	if p.lives.begin(start) {
		// Another start has been proven since, and this one runs still.
		l.counts.duplicate.Add(1)
		l.say(slog.LevelError, "two nodes have one name", "twice "+p.name, slog.String("node", p.name))
	}
	if p.told.start != start {
		p.told = told{}
	}
	if p.next.start == start {
		p.told = p.next
	}
	p.next = told{}
	if m := l.members[p.name]; m != nil {
		l.began(m, start)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"math"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	var w window
	for i, tt := range []struct {
		number uint64
		want   verdict
	}{
		{1, accepted},
		{1, repeated},
		{3, accepted},
		{2, accepted},
		{2, repeated},
		{3, repeated},
		{1030, accepted},
		{7, accepted},
		{7, repeated},
		{6, outdated},
		{1029, accepted},
		{1031, accepted},
		{1026, accepted}, // in the place of 2
		{1026, repeated},
		{9000, accepted},
		{1030, outdated},
		{8999, accepted},
		{math.MaxUint64, accepted},
		{math.MaxUint64, repeated},
		{0, outdated},
	} {
		if got := w.judge(tt.number, 1); got != tt.want {
			t.Errorf("%d: number %d: %d", i, tt.number, got)
		}
	}
}

func TestSpent(t *testing.T) {
	var s spent
	for i, tt := range []struct {
		number uint64
		want   verdict
	}{
		{5, accepted}, {5, repeated}, {1 << 40, accepted}, {1, accepted}, {3, accepted}, {1, repeated}, {3, repeated}, {0, outdated},
	} {
		if got := s.judge(tt.number, 1); got != tt.want {
			t.Errorf("%d: number %d: %d", i, tt.number, got)
		}
	}
	for n := range uint64(2 * maxSpent) {
		s.judge(n+100, 1)
	}
	for _, tt := range []struct {
		number uint64
		want   verdict
	}{{100, outdated}, {4, outdated}, {1 << 41, accepted}, {1 << 40, repeated}} {
		if got := s.judge(tt.number, 1); got != tt.want {
			t.Errorf("after many: number %d: %d", tt.number, got)
		}
	}
	if len(s.numbers) != maxSpent {
		t.Errorf("%d numbers are remembered", len(s.numbers))
	}
}

// TestCopies wants as many copies of a message as were sent told from those that
// somebody has recorded.
func TestCopies(t *testing.T) {
	var w window
	var s spent
	for i, tt := range []struct {
		number uint64
		copies byte
		want   verdict
	}{
		{1, 2, accepted},
		{1, 2, copied},
		{1, 2, repeated},
		{1, 2, repeated},
		{2, 3, accepted},
		{3, 2, accepted},
		{2, 3, copied},
		{3, 2, copied},
		{2, 3, copied},
		{2, 3, repeated},
		{3, 2, repeated},
		{66, 0, accepted},
		{66, 0, repeated},
		{65, 255, accepted},
		{65, 255, copied},
		{67, 1, accepted},
		{67, 9, repeated}, // what it says later doesn't count
	} {
		if got := w.judge(tt.number, tt.copies); got != tt.want {
			t.Errorf("%d: number %d: %d, want %d", i, tt.number, got, tt.want)
		}
		if got := s.judge(tt.number, tt.copies); got != tt.want {
			t.Errorf("%d: sealed, number %d: %d, want %d", i, tt.number, got, tt.want)
		}
	}
}

func TestLives(t *testing.T) {
	var l lives
	if l.present() != 0 || l.judge(&frame{kind: kindDirect, start: 1, number: 1}) != unproven || l.judge(&frame{kind: kindSealed, start: 1, number: 1}) != unproven {
		t.Error("of nobody")
	}
	for i, tt := range []struct {
		begin         uint64 // 0: none
		start, number uint64
		sealed        bool
		want          verdict
	}{
		{1, 1, 1, false, accepted},
		{1, 1, 2, false, accepted},
		{0, 1, 1, true, accepted}, // numbers of its own
		{0, 2, 1, false, unproven},
		{2, 2, 1, false, accepted},
		{0, 1, 3, false, outdated},
		{0, 1, 2, true, accepted},
		{0, 1, 2, true, repeated},
		{1, 1, 2, false, repeated},
		{0, 1, 3, false, accepted},
		{2, 2, 2, false, accepted},
		{0, 3, 1, true, unproven},
	} {
		if tt.begin != 0 {
			l.begin(tt.begin)
		}
		f := frame{kind: kindDirect, start: tt.start, number: tt.number}
		if tt.sealed {
			f.kind = kindSealed
		}
		if got := l.judge(&f); got != tt.want {
			t.Errorf("%d: start %d, number %d: %d, want %d", i, tt.start, tt.number, got, tt.want)
		}
	}
	for s := range uint64(100) {
		l.begin(s + 1)
	}
	if len(l) > maxPast+1 || l.present() != 100 {
		t.Errorf("%d starts are remembered, of them %d the present one", len(l), l.present())
	}
}

// TestDoubt wants a question asked again after longer and longer, at once when
// another start is heard, and not for ever.
func TestDoubt(t *testing.T) {
	var d doubt
	now := time.Now()
	if send, next := d.ask(now); send || !next.IsZero() {
		t.Error("asked without a doubt")
	}
	d.raise(1, now)
	nonce := d.nonce
	for _, gap := range []time.Duration{firstGap, 2 * firstGap, 4 * firstGap} {
		d.raise(1, now)
		send, next := d.ask(now)
		if !send || next.Sub(now) != gap {
			t.Errorf("sent %v, next after %v, want %v", send, next.Sub(now), gap)
		}
		if send, _ := d.ask(next.Add(-1)); send {
			t.Errorf("asked again before %v", gap)
		}
		now = next
	}
	_, next := d.ask(now)
	if now = now.Add(firstGap); !next.After(now) {
		t.Fatal("this shows nothing")
	}
	d.raise(2, now)
	if send, _ := d.ask(now); !send {
		t.Error("another start was not asked for soon")
	}
	d.raise(3, now)
	if send, _ := d.ask(now); send {
		t.Error("many starts make many questions")
	}
	if d.nonce != nonce {
		t.Error("the answer to the first question counts no more")
	}
	for range 100 {
		_, _ = d.ask(now)
		now = now.Add(lastGap)
	}
	if !d.until.IsZero() {
		t.Error("asks for ever")
	}
	d.raise(1, now)
	if d.nonce == nonce {
		t.Error("a number was used twice")
	}
}

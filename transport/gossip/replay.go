// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import "slices"

// verdict is what becomes of a message.
type verdict uint8

const (
	accepted verdict = iota
	repeated         // dropped: it has come before
	outdated         // dropped: too old to know, or of a former start
	unproven         // dropped: of a start that has not proven that it runs
)

// window remembers which of a sender's last 64 numbers have come, so that a
// repeated message is handed on once: a copy by another path, or a recording
// that someone plays back.
type window struct {
	last uint64
	seen uint64 // bit i: last-i has come
}

// judge tells whether a number comes for the first time, and remembers it.
func (w *window) judge(number uint64) verdict {
	switch {
	case number > w.last:
		if ahead := number - w.last; ahead < 64 {
			w.seen = w.seen<<ahead | 1
		} else {
			w.seen = 1
		}
		w.last = number
		return accepted
	case w.last-number >= 64:
		return outdated
	}
	bit := uint64(1) << (w.last - number)
	if w.seen&bit != 0 {
		return repeated
	}
	w.seen |= bit
	return accepted
}

// spent are the numbers of sealed messages that have come, the highest of them,
// in order. They may be sent in any order, with gaps of any size.
type spent struct {
	numbers []uint64
	forgot  uint64 // this number and those below it count as come
}

// maxSpent is how many are remembered of one start.
const maxSpent = 4096

// judge tells whether a number comes for the first time, and remembers it.
func (s *spent) judge(number uint64) verdict {
	i, found := slices.BinarySearch(s.numbers, number)
	if found {
		return repeated
	}
	if number <= s.forgot {
		return outdated
	}
	s.numbers = slices.Insert(s.numbers, i, number)
	if len(s.numbers) > maxSpent {
		s.forgot = s.numbers[0]
		s.numbers = slices.Delete(s.numbers, 0, 1)
	}
	return accepted
}

// life is one start of a sender.
type life struct {
	start   uint64
	numbers window
	sealed  spent
	ran     ran
	twin    twin
}

// maxPast is how many former starts of a sender are remembered.
const maxPast = 8

// lives are the starts of one sender that were proven: the present one first.
type lives []life

// present is the present start; 0: none.
func (l lives) present() uint64 {
	if len(l) == 0 {
		return 0
	}
	return l[0].start
}

// judge says what becomes of a message with this start and number. A sealed one
// may be of a former start too.
func (l lives) judge(start, number uint64, sealed bool) verdict {
	i := slices.IndexFunc(l, func(o life) bool { return o.start == start })
	switch {
	case i < 0:
		return unproven
	case sealed:
		return l[i].sealed.judge(number)
	case i > 0:
		return outdated
	}
	return l[i].numbers.judge(number)
}

// begin makes a start the present one. What is remembered of it stays.
func (l *lives) begin(start uint64) {
	i := slices.IndexFunc(*l, func(o life) bool { return o.start == start })
	if i < 0 {
		l.insert(0, start)
		return
	}
	s := *l
	present := s[i]
	copy(s[1:i+1], s[:i])
	s[0] = present
}

// known is what is known of a start. One that is new is a former one.
func (l *lives) known(start uint64) *life {
	if o := l.get(start); o != nil {
		return o
	}
	return l.insert(min(1, len(*l)), start)
}

func (l *lives) insert(i int, start uint64) *life {
	*l = slices.Insert(*l, i, life{start: start})
	*l = (*l)[:min(len(*l), maxPast+1)]
	return &(*l)[i]
}

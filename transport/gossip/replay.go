// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"cmp"
	"slices"
)

// verdict is what becomes of a message.
type verdict uint8

const (
	accepted verdict = iota
	copied           // dropped: a copy that its sender has sent by another path
	repeated         // dropped: it has come before
	outdated         // dropped: too old to know, or of a former start
	unproven         // dropped: of a start that has not proven that it runs
)

// windowSize is how many messages may overtake one: two paths differ in speed, and
// each socket has a reader of its own.
const windowSize = 1024

// window remembers which of a sender's last numbers have come, so that a repeated
// message is handed on once: a copy by another path, or a recording that someone
// plays back.
type window struct {
	last uint64
	come [windowSize]byte // by number: 0: not yet, else 1 and the copies still to come
}

// judge tells whether a number comes for the first time, and remembers it. Of a
// number that so many copies were sent of, one more is a repeated one.
func (w *window) judge(number uint64, copies byte) verdict {
	switch {
	case number > w.last:
		if number-w.last >= windowSize {
			w.come = [windowSize]byte{}
		} else {
			for n := w.last + 1; n < number; n++ {
				w.come[n%windowSize] = 0
			}
		}
		w.last = number
		w.come[number%windowSize] = 0
	case w.last-number >= windowSize:
		return outdated
	}
	switch come := &w.come[number%windowSize]; *come {
	case 0:
		*come = max(copies, 1)
		return accepted
	case 1:
		return repeated
	default:
		*come--
		return copied
	}
}

// spent are the numbers of sealed messages that have come, the highest of them,
// in order. They may be sent in any order, with gaps of any size.
type spent struct {
	numbers []spentNumber
	forgot  uint64 // this number and those below it count as come
}

type spentNumber struct {
	number uint64
	more   byte // copies that are still to come
}

// maxSpent is how many are remembered of one start.
const maxSpent = 4096

// judge is as window's.
func (s *spent) judge(number uint64, copies byte) verdict {
	i, found := slices.BinarySearchFunc(s.numbers, number, func(n spentNumber, number uint64) int { return cmp.Compare(n.number, number) })
	switch {
	case found && s.numbers[i].more > 0:
		s.numbers[i].more--
		return copied
	case found:
		return repeated
	}
	if number <= s.forgot {
		return outdated
	}
	s.numbers = slices.Insert(s.numbers, i, spentNumber{number, max(copies, 1) - 1})
	if len(s.numbers) > maxSpent {
		s.forgot = s.numbers[0].number
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

// judge says what becomes of a message. A sealed one may be of a former start
// too.
func (l lives) judge(f *frame) verdict {
	sealed := f.kind == kindSealed
	i := slices.IndexFunc(l, func(o life) bool { return o.start == f.start })
	switch {
	case i < 0:
		return unproven
	case sealed:
		return l[i].sealed.judge(f.number, f.copies)
	case i > 0:
		return outdated
	}
	return l[i].numbers.judge(f.number, f.copies)
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

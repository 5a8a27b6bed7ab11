// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import "slices"

// window remembers which of a sender's last 64 numbers have come, so that a
// repeated message is handed on once: a copy by another path, or a recording
// that someone plays back.
type window struct {
	last uint64
	seen uint64 // bit i: last-i has come
}

// fresh tells whether a number comes for the first time, and remembers it. What
// is too old to know counts as repeated.
func (w *window) fresh(number uint64) bool {
	switch {
	case number > w.last:
		if ahead := number - w.last; ahead < 64 {
			w.seen = w.seen<<ahead | 1
		} else {
			w.seen = 1
		}
		w.last = number
		return true
	case w.last-number >= 64:
		return false
	}
	bit := uint64(1) << (w.last - number)
	if w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}

// spent are the numbers of sealed messages that have come, the highest of them,
// in order. They may be sent in any order, with gaps of any size.
type spent struct {
	numbers []uint64
	forgot  uint64 // this number and those below it count as come
}

// maxSpent is how many are remembered of one start.
const maxSpent = 4096

// fresh tells whether a number comes for the first time, and remembers it.
func (s *spent) fresh(number uint64) bool {
	i, found := slices.BinarySearch(s.numbers, number)
	if found || number <= s.forgot {
		return false
	}
	s.numbers = slices.Insert(s.numbers, i, number)
	if len(s.numbers) > maxSpent {
		s.forgot = s.numbers[0]
		s.numbers = slices.Delete(s.numbers, 0, 1)
	}
	return true
}

// verdict is what becomes of a message.
type verdict uint8

const (
	accepted  verdict = iota
	restarted         // accepted, the first of a new start
	repeated          // dropped: it has come before
	rivalled          // dropped: of a start that another has replaced
	returned          // accepted: the replaced start goes on, so two nodes run
)

// life is one start of a sender.
type life struct {
	start   uint64
	numbers window
	sealed  spent
	late    int    // messages since another start replaced it
	version uint64 // of the state
}

const (
	// maxPast is how many former starts of a sender are remembered.
	maxPast = 4
	// maxLate is how many new messages of a replaced start are taken for
	// stragglers before two nodes with one name are the only explanation.
	maxLate = 3
)

// lives are the starts of one sender: the present one first.
type lives []life

// judge says what becomes of a message with this start and number.
func (l *lives) judge(start, number uint64) verdict {
	s := *l
	for i := range s {
		if s[i].start != start {
			continue
		}
		if !s[i].numbers.fresh(number) {
			return repeated
		}
		if i == 0 {
			return accepted
		}
		// A recording has no numbers that did not come before.
		if s[i].late++; s[i].late < maxLate {
			return rivalled
		}
		s[i].late = 0
		l.front(i)
		return returned
	}
	first := len(s) == 0
	l.begin(start)
	(*l)[0].numbers.fresh(number)
	if first {
		return accepted
	}
	return restarted
}

// unseal tells whether a sealed message of this start is taken. It is not a
// sign that the start is the present one.
func (l *lives) unseal(start, number uint64) bool {
	s := *l
	for i := range s {
		if s[i].start == start {
			return s[i].sealed.fresh(number)
		}
	}
	return false
}

// newer tells whether a version of the state is newer than the one known, of
// the present start.
func (l *lives) newer(start, version uint64) bool {
	if len(*l) == 0 {
		l.begin(start)
	}
	present := &(*l)[0]
	if present.start != start || version <= present.version {
		return false
	}
	present.version = version
	return true
}

// begin makes a start the present one. What is remembered stays.
func (l *lives) begin(start uint64) {
	for i := range *l {
		if (*l)[i].start == start {
			return
		}
	}
	s := append(lives{{start: start}}, *l...)
	*l = s[:min(len(s), maxPast+1)]
}

// front moves a start to the front.
func (l *lives) front(i int) {
	s := *l
	present := s[i]
	copy(s[1:i+1], s[:i])
	s[0] = present
}

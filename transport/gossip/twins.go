// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/binary"
	"errors"
	"log/slog"
	"time"
)

// Two nodes with one name and one address, as a cloned machine has both, can't
// ask each other: what either sends to that address comes back to itself. The
// others find them out. They ask each peer every second to prove that it runs,
// and each question and answer tells the sender's age. So they know of each start a
// time by which it ran, and one at which it still did; where two starts of one
// name have run at once they tell both, and the later one ends.
//
// An answer may be out of reach: packets to the address go to one of the two, for
// up to a minute to the same. Then the age that the other tells unasked shows
// when it did so, counted from its last answer. A recording shows a time before
// the recording, whenever it is sent, so a start that is over is never taken for
// one that runs. As for leases, clocks may differ in rate by 10 %.

const (
	// routine is how often each peer is asked to prove that it runs.
	routine = time.Second
	// twinsFor is how long two starts count as running at once after one of them
	// was last known to.
	twinsFor = 10 * time.Second
)

// ran is what is known of when a start ran, in this node's time.
type ran struct {
	by    time.Time     // it ran then or before
	last  time.Time     // it ran then or later
	born  time.Time     // it began then, or before
	asked time.Time     // when the question was made that it answered last; zero: its age is not to be used
	age   time.Duration // that it told in the answer
}

// proved takes an answer to a question that was made then.
func (r *ran) proved(asked, now time.Time, age time.Duration) {
	if r.by.IsZero() {
		r.by = now
	}
	if born := now.Add(-age); r.born.IsZero() || born.Before(r.born) {
		r.born = born
	}
	r.asked, r.age = asked, age
	r.later(asked)
}

// aged takes an age that was told unasked, and maybe long ago.
func (r *ran) aged(now time.Time, age time.Duration) {
	if r.asked.IsZero() || age <= r.age {
		return
	}
	at := r.asked.Add((age - r.age) / 11 * 10)
	if at.After(now) { // one of the clocks has stopped or jumped
		r.asked = time.Time{}
		return
	}
	r.later(at)
}

func (r *ran) later(at time.Time) {
	if at.After(r.last) {
		r.last = at
	}
}

// beside tells whether two starts are known to have run at once: each still ran
// when the other was known to.
func (r *ran) beside(o *ran) bool {
	return !r.by.IsZero() && !o.by.IsZero() && !r.last.Before(o.by) && !o.last.Before(r.by)
}

// twin is what a start knows of another that it is the later of.
type twin struct {
	elder uint64    // the other
	until time.Time // it counts as running; zero: there is none
	told  time.Time // when this one was told last
}

// get is what is known of a start, or nil.
func (l lives) get(start uint64) *life {
	for i := range l {
		if l[i].start == start {
			return &l[i]
		}
	}
	return nil
}

// later tells whether a start is the later of two that run.
func (l lives) later(start uint64, now time.Time) bool {
	o := l.get(start)
	return o != nil && o.twin.until.After(now)
}

// twins notes which of others a start runs beside, and returns the eldest and
// whether there is any.
func (l lives) twins(start uint64, now time.Time) (elder uint64, some bool) {
	one := l.get(start)
	if one == nil {
		return 0, false
	}
	first := one
	for i := range l {
		o := &l[i]
		if o == one || !one.ran.beside(&o.ran) {
			continue
		}
		until := o.ran.last
		if one.ran.last.Before(until) {
			until = one.ran.last
		}
		if until = until.Add(twinsFor); !until.After(now) {
			continue // it may be over since
		}
		some = true
		old, young := one, o
		if cameLater(now.Sub(one.ran.born), now.Sub(o.ran.born), one.start, o.start) {
			old, young = o, one
		}
		young.twin.elder, young.twin.until = old.start, until
		if cameLater(now.Sub(first.ran.born), now.Sub(old.ran.born), first.start, old.start) {
			first = old
		}
	}
	return first.start, some
}

// cameLater tells which of two nodes with one name is the later one: the younger,
// or of two that are about as old that with the larger id.
func cameLater(age, other time.Duration, start, otherStart uint64) bool {
	if (age - other).Abs() < closeStart {
		return start > otherStart
	}
	return age < other
}

// meetTwins looks whether a start that is known to run does so beside another of
// its name. The messages of the eldest alone are taken then. The caller holds mu.
func (l *Link) meetTwins(p *peer, start uint64, now time.Time) {
	elder, some := p.lives.twins(start, now)
	if !some {
		return
	}
	l.counts.duplicate.Add(1)
	l.trouble(TroubleName, p.name)
	l.say(slog.LevelError, "two nodes have one name", "twice "+p.name, slog.String("node", p.name))
	if p.lives.later(p.lives.present(), now) {
		l.present(p, elder)
	}
	wake(l.doubts) // they are to be told
}

// notice tells two nodes with one name that both run.
type notice struct {
	later, elder uint64        // their starts
	age          time.Duration // of the elder
}

var errNotice = errors.New("the message that two nodes have one name has another length")

func (n notice) bytes() []byte {
	b := binary.BigEndian.AppendUint64(nil, n.later)
	b = binary.BigEndian.AppendUint64(b, n.elder)
	return binary.BigEndian.AppendUint64(b, uint64(n.age))
}

func parseNotice(b []byte) (notice, error) {
	if len(b) != 24 {
		return notice{}, errNotice
	}
	n := notice{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), time.Duration(binary.BigEndian.Uint64(b[16:]))}
	if n.age < 0 {
		return notice{}, errNotice
	}
	return n, nil
}

// notices are what is to be told to the nodes of a name now. The caller holds mu.
func (p *peer) notices(now time.Time) []notice {
	var list []notice
	for i := range p.lives {
		o := &p.lives[i]
		elder := p.lives.get(o.twin.elder)
		if elder == nil || !o.twin.until.After(now) || now.Sub(o.twin.told) < routine {
			continue
		}
		o.twin.told = now
		list = append(list, notice{o.start, elder.start, now.Sub(elder.ran.born)})
	}
	return list
}

// noticed takes what a peer tells of two nodes with this node's name. It may be
// long on its way, so it counts for the starts that it names.
func (l *Link) noticed(by *peer, payload []byte) {
	n, err := parseNotice(payload)
	switch {
	case err != nil:
		l.malformed(err)
	case n.later == l.start && n.elder != l.start:
		l.counts.duplicate.Add(1)
		l.fail(&DuplicateError{Name: l.cfg.Node, By: by.name, Start: n.elder, Age: n.age})
	case n.elder == l.start:
		l.counts.duplicate.Add(1)
		l.trouble(TroubleName, l.cfg.Node)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.say(slog.LevelError, "another node has taken this node's name", "namesake", slog.String("heard_by", by.name))
	}
}

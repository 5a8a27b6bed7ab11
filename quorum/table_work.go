// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"slices"
	"time"
)

// Failed calls for a question are made again after so long, doubling.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 800 * time.Millisecond
	fewConflicts = 3 // that are tried again at once
)

// concerns tells whether the question has to be decided in s.
func (q *question) concerns(s *tableSlot) bool { return slices.Contains(q.open, s.id) }

// work is the next call for a list, if there is one; it decides what can be
// decided without.
func (t *Table) work(now time.Time, s *tableSlot) *TableCall {
	var asked []*question
	for _, q := range t.questions {
		if q.concerns(s) {
			asked = append(asked, q)
		}
	}
	if len(asked) == 0 && !s.sealing() || now.Before(t.again) {
		if now.Before(s.due(&t.cfg, t.asked)) {
			return nil
		}
		if s.known && s.version == 0 && !s.tried.After(s.at) {
			return t.create(now, s)
		}
		return t.read(now, s)
	}
	switch {
	case !s.known:
		return t.read(now, s)
	case s.version == 0:
		return t.create(now, s)
	}
	next, changed, decided := s.decide(now, t.cfg.Name, t.cfg.Resources, t.kept, asked)
	if changed {
		return t.write(now, s, next, s.version+1, decided)
	}
	stale := false
	for _, d := range decided {
		// An old record is good for a yes, which a write follows, and not for a no.
		if (!d.ok || d.answer.Refusal != None) && s.at.Before(d.question.since) {
			stale = true
			continue
		}
		t.resolve(s, d)
	}
	if stale {
		return t.read(now, s)
	}
	return nil
}

// resolve takes what is decided of a question under the list of s. The answer
// comes when all is, or with the first refusal.
func (t *Table) resolve(s *tableSlot, d decision) {
	q := d.question
	q.open = slices.DeleteFunc(q.open, func(l string) bool { return l == s.id })
	switch {
	case !d.ok: // nothing is said
		q.open = nil
	case q.Kind == Release:
	case d.answer.Refusal != None:
		q.open = nil
		t.answers = append(t.answers, d.answer)
	default:
		for i, l := range d.answer.Lists {
			if !l.IsZero() {
				q.answer.Lists[i] = l
			}
		}
		q.answer.Promised = d.answer.Promised
		if len(q.open) == 0 {
			t.answers = append(t.answers, q.answer)
		}
	}
	if len(q.open) == 0 {
		t.questions = slices.DeleteFunc(t.questions, func(o *question) bool { return o == q })
	}
}

func (t *Table) key(s *tableSlot) string { return t.cfg.Cluster + "/voters/" + s.id }

func (t *Table) read(now time.Time, s *tableSlot) *TableCall {
	s.tried = now
	return &TableCall{Key: t.key(s), list: s.id}
}

// create makes a record in which nothing is accepted for MaxLease. Its versions
// are others than those of a record that was there before and is lost, so that
// writes made of that one fail.
func (t *Table) create(now time.Time, s *tableSlot) *TableCall {
	version := splitMix(&t.random)>>2 + 1
	return t.write(now, s, record{Fresh: version}, version, nil)
}

func (t *Table) write(now time.Time, s *tableSlot, next record, version uint64, decided []decision) *TableCall {
	b, err := next.encode()
	if err != nil {
		t.failed(now, err)
		return nil
	}
	s.tried = now
	return &TableCall{
		Key: t.key(s), Write: true, Record: b, Was: s.version, Version: version,
		list: s.id, next: next, decided: decided,
	}
}

// Done tells what came of the call that Step returned last. now was read after
// it had ended.
func (t *Table) Done(now time.Time, result TableResult) {
	call := t.call
	if call == nil {
		return
	}
	t.call = nil
	s := t.slot(call.list)
	if s == nil { // the list is not asked under any more
		return
	}
	if call.Write && !result.Written {
		s.known, s.unsure = false, call.decided // whatever the reason: it is read again
		if result.Err != nil {
			s.doubt = call.Was
		}
	}
	next := call.next
	if result.Err == nil && !call.Write && result.Version != 0 {
		next, result.Err = parseRecord(result.Record)
	}
	if result.Err != nil {
		t.failed(now, result.Err)
		return
	}
	t.heard, t.err, t.failures, t.again = now, nil, 0, time.Time{}
	switch {
	case call.Write && !result.Written:
		s.tried = time.Time{} // it is read at once
		if t.conflicts++; t.conflicts > fewConflicts {
			t.again = now.Add(firstPause)
		}
		return
	case call.Write:
		t.conflicts = 0
		s.observe(now, next, call.Version)
	default:
		s.observe(now, next, result.Version)
		call.decided = s.happened()
	}
	for _, d := range call.decided {
		t.resolve(s, d)
	}
}

// happened are those decisions of a write that is in doubt that are in the record now.
// The candidate may have asked anew meanwhile, and still counts the answer.
func (s *tableSlot) happened() []decision {
	sure := slices.DeleteFunc(s.unsure, func(d decision) bool {
		q := d.question
		return q.Kind != Propose || d.answer.Refusal != None || !slices.ContainsFunc(s.record.Leases, func(l tableLease) bool {
			return l.key() == key{q.Resource, q.Digest} && l.ballot() == q.Ballot && l.Sequence >= q.Sequence
		})
	})
	s.unsure = nil
	return sure
}

// failed puts the next call for a question off.
func (t *Table) failed(now time.Time, err error) {
	t.err = err
	t.again = now.Add(min(firstPause<<min(t.failures, 8), longestPause))
	t.failures++
}

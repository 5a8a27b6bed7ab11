// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// TableConfig is what a Table is made of.
type TableConfig struct {
	Node       string
	Name       string        // among the voters: TableName
	Cluster    string        // begins the records' keys: clusters may share a table
	Lists      Lists         // those that this node's candidates ask under; Sealed as its voter's are
	Generation uint64        // of the current one
	Resources  []Resource    // of this node's file
	Seed       uint64        // of the versions of records that are new: random
	Look       time.Duration // how often it is read when nobody asks; 0 is 10 s
}

// Table is a node's part in a voter that is a table: somewhere to keep a record,
// with a version, that is replaced only if the version is the one that was read.
// The record has what a Voter has in its memory. Who asks decides for the voter,
// with the code of a Voter, and the decision counts if it could be written. Like
// Voter and Candidate it is pure, and one goroutine may use it at a time.
//
// # Why it is safe
//
// A replacement that depends on the version is the one step that a voter's
// decision is: all of them are in one order, whoever made them, and each was made
// of what the one before left. What is decided of something older is not written.
//
// The record has no clock, so a lease in it counts as running until the reader
// has seen the same ballot and sequence in it for T on its own clock. It was
// accepted before it was first seen, and is still the last when another takes its place,
// as the version says. So it ran out as it does at a Voter that accepted it later
// than it really was. A lease's T is never made shorter by a renewal.
//
// A write whose answer is lost may have happened, or may yet. It is read again:
// what is there counts as accepted, whatever the answer was, for it was asked for
// before it was accepted. One that happens late finds the version that
// it was made of, and then it is as if it had been asked late, or finds another,
// and nothing happens. A promise isn't written: it only orders candidates.
//
// The record is one for all resources, since two of them that share an address, one in
// the file of this node and one in another's, must not both be held; a node has one file
// at a time, and a table that all nodes ask has none. A record that isn't
// there may have been lost. It is made anew, and nothing is accepted in it before who
// asks has seen it for MaxLease.
//
// Terms outlive leases, and resources. Of those that nobody has any more, but for the
// last of them, the record keeps the highest term for all (record.forget): it does not
// grow with the years, and a resource whose name was in use once begins above that.
//
// # Lists of voters
//
// Each list of each generation has a record of its own, so a table is another
// voter in each. While a list is staged, candidates need it of both, if both have it. It
// is sealed as nodes are: the first of them that is sealed writes that into
// the record, for ever. A change doesn't wait for it: who asks under the
// former list alone needs a node's vote as well, since a table alone is no majority, and
// all nodes are sealed. Only where one was forgotten, which may be there
// nevertheless, Roll waits (TableSealed).
//
// # The driver
//
// After each call of Ask, Done, SetLists and Reconfigure, and when Deadline has come:
//
//	answers, call := table.Step(now)
//
// answers are for the node's candidates; call, if it isn't nil, is made elsewhere, since
// it takes long, and what came of it is told by Done. The clock is read after it.
type Table struct {
	cfg       TableConfig
	ids       [2]string    // of the lists, see tableSlot
	slots     []*tableSlot // of those of them that have the table
	questions []*question  // the oldest first
	asked     time.Time    // the last
	call      *TableCall   // under way
	answers   []Message
	random    uint64
	kept      int // keptTerms

	again     time.Time // no call for a question before
	failures  int       // in a row
	conflicts int       // in a row
	heard     time.Time // the last call that was answered
	err       error     // of the last call
}

// TableCall is something to do at the table.
type TableCall struct {
	Key   string
	Write bool // Record, of Version, in the place of that of version Was; 0: only if there is none
	// Record isn't changed afterwards.
	Record       []byte
	Was, Version uint64

	list    string
	next    record
	decided []decision // that count if it is written
}

// TableResult is what came of a TableCall.
type TableResult struct {
	// Record and Version are what was read; version 0: there is none.
	Record  []byte
	Version uint64
	// Written tells whether a Write found the version that it asked for.
	Written bool
	// Err: the call came to nothing, or it isn't known what it came to.
	Err error
}

// question is one of a candidate of this node, or a Release.
type question struct {
	Message
	since  time.Time
	under  []string // the lists, by tableSlot.id
	open   []string // those of them under which nothing is decided yet
	answer Message
}

// NewTable makes a Table.
func NewTable(cfg TableConfig) (*Table, error) {
	errs := []error{cfg.Lists.validate(), checkResources(cfg.Resources)}
	if _, ok := IsTable(cfg.Name); !ok {
		errs = append(errs, fmt.Errorf("%q is not the name of a table", cfg.Name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("a table that votes: %w", err)
	}
	if cfg.Look == 0 {
		cfg.Look = 10 * time.Second
	}
	t := &Table{cfg: cfg, random: cfg.Seed, kept: keptTerms}
	t.SetLists(cfg.Lists, cfg.Generation)
	t.Reconfigure(cfg.Resources)
	return t, nil
}

// SetLists changes the lists that the node's candidates ask under. They are
// valid.
func (t *Table) SetLists(lists Lists, generation uint64) {
	t.cfg.Lists, t.cfg.Generation = lists.clone(), generation
	var slots []*tableSlot
	t.ids = [2]string{}
	for i, l := range lists.both() {
		if l.IsZero() {
			continue
		}
		t.ids[i] = fmt.Sprintf("%d/%v", generation+uint64(i), l.Digest())
		if !slices.Contains(l.Voters, t.cfg.Name) {
			continue
		}
		s := t.slot(t.ids[i])
		if s == nil {
			s = &tableSlot{list: l.clone(), digest: l.Digest(), id: t.ids[i]}
		}
		slots = append(slots, s)
	}
	t.slots = slots
	for _, s := range slots {
		s.seal = ""
		if s.id == t.ids[0] && lists.Sealed {
			s.seal = t.ids[1]
		}
	}
}

func (t *Table) slot(id string) *tableSlot {
	i := slices.IndexFunc(t.slots, func(s *tableSlot) bool { return s.id == id })
	if i < 0 {
		return nil
	}
	return t.slots[i]
}

// Reconfigure changes what the node's file has. The resources are valid.
func (t *Table) Reconfigure(resources []Resource) {
	t.cfg.Resources = nil
	for _, r := range resources {
		t.cfg.Resources = append(t.cfg.Resources, r.clone())
	}
}

// Ask takes a message for the table from a candidate of this node. A question takes
// the place of an older one of its resource.
func (t *Table) Ask(now time.Time, m Message) {
	q := &question{Message: m, since: now, answer: Message{
		Kind: Promise, Resource: m.Resource, Digest: m.Digest, Ballot: m.Ballot, Sequence: m.Sequence,
	}}
	if m.Kind == Propose {
		q.answer.Kind = Accepted
	}
	for i, d := range t.cfg.Lists.digests() {
		if !d.IsZero() && m.Lists[i] == d {
			q.under = append(q.under, t.ids[i])
		}
	}
	for _, s := range t.slots {
		if m.Kind == Release || slices.Contains(q.under, s.id) {
			q.open = append(q.open, s.id)
		}
	}
	t.asked = now
	t.questions = slices.DeleteFunc(t.questions, func(o *question) bool {
		return o.Resource == m.Resource && o.Digest == m.Digest && (o.Kind == Release) == (m.Kind == Release)
	})
	if len(q.open) > 0 {
		t.questions = append(t.questions, q)
	}
}

// Step returns the answers that there are, and a call that is to be made, if
// there is one and none is under way.
func (t *Table) Step(now time.Time) ([]Message, *TableCall) {
	var call *TableCall
	if t.call == nil {
		t.questions = slices.DeleteFunc(t.questions, func(q *question) bool {
			return now.Sub(q.since) >= t.cfg.Lists.longest() || !slices.ContainsFunc(t.slots, q.concerns)
		})
		for _, s := range t.slots {
			if call = t.work(now, s); call != nil {
				break
			}
		}
		t.call = call
	}
	answers := t.answers
	t.answers = nil
	return answers, call
}

// Deadline is when Step has something to do, if nothing else happens before.
func (t *Table) Deadline() (at time.Time, ok bool) {
	if t.call != nil {
		return at, false
	}
	for _, s := range t.slots {
		next := s.due(&t.cfg, t.asked)
		asked := slices.ContainsFunc(t.questions, func(q *question) bool { return q.concerns(s) })
		if (asked || s.sealing()) && t.again.Before(next) {
			next = t.again
		}
		if !ok || next.Before(at) {
			at, ok = next, true
		}
	}
	return at, ok
}

// Releases tells whether something was given up and is not written yet.
func (t *Table) Releases() bool {
	return slices.ContainsFunc(t.questions, func(q *question) bool { return q.Kind == Release })
}

// Term is the resource's highest term, as far as it was read, or one above it.
func (t *Table) Term(resource string) (term uint64) {
	for _, s := range t.slots {
		term = max(term, s.record.term(resource))
	}
	return term
}

// Sealed tells whether the table answers those alone, of the list in force, who
// ask under the staged one too.
func (t *Table) Sealed() bool {
	return slices.ContainsFunc(t.slots, func(s *tableSlot) bool {
		return s.seal != "" && s.record.Sealed == s.seal
	})
}

// Heard is when the table last answered, and why it didn't the last time, if it
// didn't.
func (t *Table) Heard() (time.Time, error) {
	for _, s := range t.slots {
		if t.err == nil && s.bound(t.ids) {
			return t.heard, fmt.Errorf("%w: if that was given up, delete the item %q", ErrBound, t.key(s))
		}
	}
	return t.heard, t.err
}

// ErrBound says that the table votes for nobody under the lists that this node asks under.
var ErrBound = errors.New("it is bound to a change of the voters that this node has not heard of")

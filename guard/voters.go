// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// roster drives quorum.Roll: it brings what the Roll decides to disk, and then to
// the voter, the candidates and the other nodes.
type roster struct {
	*quorum.Roll
	votes, asks quorum.Lists // in force: the voter's, the candidates'
	grants      grants       // of the file
	heard       map[string]report
	writing     bool
	rewriteAt   time.Time // the last write failed, and when it is tried again
	unwritten   error     // why
	waiting     []settleAsked
}

// rewrite is how long after a failed write the next is tried.
const rewrite = 5 * time.Second

func newRoster(cfg *Config) (*roster, error) {
	saved, err := readState(cfg.StateDir, cfg.Node)
	if err != nil {
		return nil, err
	}
	roll, err := quorum.NewRoll(cfg.Node, saved, cfg.Voters, cfg.Now())
	if err != nil {
		return nil, err
	}
	return &roster{Roll: roll, grants: newGrants(cfg.Resources), heard: make(map[string]report)}, nil
}

// report is what a node tells of its voter.
type report struct {
	quorum.Report
	Grants grants `json:"grants"`
}

// encode is the report for other nodes.
func (r *roster) encode() []byte {
	b, err := json.Marshal(report{r.Report(), r.grants})
	if err != nil {
		return nil // it has nothing that can't be encoded
	}
	return b
}

// deadline is when rollTick has something to do.
func (r *roster) deadline() (time.Time, bool) {
	at, ok := r.Deadline()
	if !r.rewriteAt.IsZero() && (!ok || r.rewriteAt.Before(at)) {
		return r.rewriteAt, true
	}
	return at, ok
}

func (l *loop) rollTick(now time.Time) {
	if at, ok := l.roster.deadline(); ok && !now.Before(at) {
		l.roster.Step(now)
		l.rolled(now)
	}
}

// rolled follows each call of the Roll: what it wants written is written, and
// what has come into force is passed on.
func (l *loop) rolled(now time.Time) {
	l.write(now)
	r := l.roster
	votes, ok := r.Votes()
	if ok && (l.voter == nil || !equalLists(votes, r.votes)) {
		l.vote(votes)
	}
	asks, ok := r.Lists()
	switch {
	case !ok || l.voter == nil:
	case !equalLists(asks, r.asks):
		r.asks = asks
		l.asks(now)
	default:
		l.setTables() // for what has been sealed
	}
	if told := r.encode(); !bytes.Equal(told, l.guard.Report()) {
		l.guard.shown.setReport(told)
		l.cfg.Changed()
	}
}

func equalLists(a, b quorum.Lists) bool {
	return a.Sealed == b.Sealed && a.Current.Digest() == b.Current.Digest() && a.Staged.Digest() == b.Staged.Digest()
}

// write brings to disk what is pending, in a goroutine of its own: a slow disk
// must not cost leases.
func (l *loop) write(now time.Time) {
	r := l.roster
	for !r.writing && !now.Before(r.rewriteAt) {
		r.rewriteAt = time.Time{}
		saved, ok := r.Pending()
		if !ok {
			r.unwritten = nil
			return
		}
		if l.cfg.StateDir == "" {
			r.Wrote(now, saved)
			continue
		}
		r.writing = true
		l.tasks.Go(func() {
			l.guard.queue.put(wrote{saved, writeState(l.cfg.StateDir, l.cfg.Node, saved)})
		})
	}
}

// wrote says that a write has ended.
type wrote struct {
	saved quorum.Saved
	err   error
}

func (w wrote) handle(l *loop, now time.Time) {
	r := l.roster
	defer r.settled()
	r.writing = false
	if w.err != nil {
		if r.unwritten == nil {
			l.log.Error("the list of voters can't be changed", slog.Any("err", w.err))
		}
		r.unwritten, r.rewriteAt = w.err, now.Add(rewrite)
		return
	}
	r.unwritten, r.rewriteAt = nil, time.Time{}
	r.Wrote(now, w.saved)
	l.log.Info("the list of voters is written", slog.Uint64("generation", w.saved.Generation),
		slog.String("voters", names(w.saved.Current)), slog.String("staged", names(w.saved.Staged)), slog.Bool("sealed", w.saved.Sealed))
	l.rolled(now)
}

func names(list quorum.List) string { return strings.Join(list.Voters, " ") }

// settleAsked asks to be answered when what was decided of the lists is on disk,
// and so in force, or can't be written.
type settleAsked struct{ answer chan<- error }

func (s settleAsked) handle(l *loop, _ time.Time) {
	l.roster.waiting = append(l.roster.waiting, s)
	l.roster.settled()
}

// settled answers those who wait, unless a write is under way.
func (r *roster) settled() {
	if r.writing {
		return
	}
	for _, s := range r.waiting {
		s.answer <- r.unwritten
	}
	r.waiting = nil
}

// vote gives the voter its lists. It has been silent since the start of this
// life, before which it may have voted.
func (l *loop) vote(votes quorum.Lists) {
	var err error
	if l.voter == nil {
		l.voter, err = quorum.NewVoter(quorum.VoterConfig{
			Node: l.cfg.Node, Lists: votes, Resources: l.resources(), Terms: l.terms.began,
		}, l.started)
	} else {
		err = l.voter.SetLists(votes)
	}
	if err != nil {
		l.log.Error("the voter doesn't take the lists", slog.Any("err", err))
		return
	}
	l.roster.votes = votes
	l.peers = slices.DeleteFunc(votersOf(votes), func(v string) bool {
		_, table := quorum.IsTable(v)
		return table || v == l.cfg.Node
	})
	l.guard.shown.update(nil, l.peers)
}

// asks gives the candidates their lists, and lets those ask that had none.
func (l *loop) asks(now time.Time) {
	l.setTables()
	for _, u := range l.units {
		l.reconfigure(now, u)
		if u.phase == asking && u.unasked {
			l.begin(now, u, quorum.Ballot{})
		}
		l.settle(now)
	}
}

// votersOf are the voters of both lists, by name.
func votersOf(lists quorum.Lists) []string {
	all := slices.Concat(lists.Current.Voters, lists.Staged.Voters)
	slices.Sort(all)
	return slices.Compact(all)
}

// resources are those of the file, as the voter wants them.
func (l *loop) resources() []quorum.Resource {
	all := make([]quorum.Resource, len(l.cfg.Resources))
	for i := range l.cfg.Resources {
		all[i] = l.cfg.Resources[i].quorum()
	}
	return all
}

func (r reported) handle(l *loop, now time.Time) {
	if r.node == l.cfg.Node {
		return
	}
	told, err := parseReport(r.report)
	if err == nil {
		err = l.roster.Heard(now, r.node, told.Report)
	}
	if err != nil {
		l.dropped.add(now, r.node, dropReport, err)
		return
	}
	l.roster.heard[r.node] = told
	l.rolled(now)
}

// parseReport decodes what another node reports. What a newer version adds is
// left out.
func parseReport(b []byte) (report, error) {
	var r report
	if err := json.Unmarshal(b, &r); err != nil {
		return report{}, fmt.Errorf("parsing a report of %d bytes on the voters: %w", len(b), err)
	}
	if err := errors.Join(r.Validate(), r.Grants.validate()); err != nil {
		return report{}, fmt.Errorf("a report on the voters: %w", err)
	}
	return r, nil
}

// departed says that a node is not there any more.
type departed struct{ node string }

func (d departed) handle(l *loop, _ time.Time) { l.roster.Gone(d.node) }

type forgetAsked struct {
	node   string
	answer chan<- error
}

func (f forgetAsked) handle(l *loop, now time.Time) {
	err := l.roster.Forget(f.node)
	l.rolled(now)
	f.answer <- err
}

type reloadAsked struct {
	cfg    Config
	answer chan<- error
}

func (r reloadAsked) handle(l *loop, now time.Time) {
	err := l.roster.Configure(now, r.cfg.Voters)
	l.cfg.Resources, l.cfg.Candidate, l.cfg.Table = r.cfg.Resources, r.cfg.Candidate, r.cfg.Table
	l.roster.grants = newGrants(l.cfg.Resources)
	if err == nil {
		l.cfg.Voters = r.cfg.Voters
	}
	if l.voter != nil {
		if refused := l.voter.Reconfigure(now, l.resources()); refused != nil {
			l.log.Error("the voter doesn't take the resources", slog.Any("err", refused))
		}
	}
	l.rolled(now)
	l.setTables()
	l.applyResources(now)
	r.answer <- err
}

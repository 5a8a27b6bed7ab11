// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Roll is a node's part in changing the list of voters, pure as Voter and
// Candidate are. A file with another list, reloaded on one node after the other,
// only stages it; the list in force follows when all nodes are there:
//
//  1. Staged. The voter answers under both lists; candidates ask under the list in
//     force alone, as most voters don't know of the other yet.
//  2. Agreed: every node of both lists has reported the same staged list. Candidates
//     need majorities of both from now on.
//  3. Sealed, the longest MaxLease later: the voter answers nobody any more who asks
//     under the list in force alone. From here on the node can't go back.
//  4. Ready, the longest MaxLease after it was sealed: no such lease runs by its vote.
//  5. Complete: every node of both lists has reported Ready. The staged list is in force.
//
// Generation counts what was completed. A node that hears of a higher one takes
// over what that has in force: it is complete. Before it is sealed a node has
// promised nothing, so that a file may change at will or go back. A node that is
// not sealed follows one of its generation that is.
//
// # Why it is safe
//
// Who asks under the old list alone needs a majority of its voters. Each voter of
// it that counted at the completion has been sealed for so long that no lease
// under the old list alone runs by its vote, and gives none any more. Who asks
// under both shares voters with everybody who asks under either. A report that
// is late does no harm: being sealed is for ever, and is of one list alone.
//
// A table among the voters of the old list is sealed too, and waited for if a node
// was forgotten. Else all nodes are sealed, and it is no majority by itself.
//
// So it is safe as long as, of each list in force, less than a majority were
// forgotten (Forget) or lost their state while the change away from it went on. If any
// lost its state, a table counts as one that did.
//
// # Nodes without a state file
//
// A new node, or one that has lost its state, doesn't begin with its file's list.
// With the lists {1,2,3} in force and {3,4,5} in the file, 4 and 5 would be a
// majority of the latter, while 1 and 2 go on with the former and don't know of
// it. Such a node has no list in force: it votes for nobody and asks nobody, until
// a node that has one reports it. If there is none the cluster is new, and
// the change from no list to the file's goes its way as any other: each node of
// the file must have agreed to it and said so. A list of which every node is new or
// has lost its state can't be told from a new cluster's, so a change keeps at least
// one voter.
//
// # The driver
//
// What Pending returns is written to disk, then Wrote makes it be in force: Lists,
// Votes and Report change at Wrote alone, and the voter is given Votes at once. After every
// call the driver looks at Pending and, if it changed, tells all nodes Report.
type Roll struct {
	node  string
	file  List
	disk  Saved // in force
	next  Saved // to be written
	heard map[string]Report
	gone  map[string]bool

	now    time.Time
	agreed time.Time // since when all have staged the same list; zero: they have not
	table  time.Time // since when a table of the list in force is known to be sealed; zero: it is not
	sealed time.Time // since when Sealed is in force; a start counts anew
}

// NewRoll makes the Roll of a start of node. saved is nil if there is no state
// file; file is the list of the node's file.
func NewRoll(node string, saved *Saved, file List, now time.Time) (*Roll, error) {
	errs := []error{checkNode(node), checkFile(file)}
	r := &Roll{node: node, file: file.clone(), heard: map[string]Report{}, gone: map[string]bool{}, now: now, sealed: now}
	if saved != nil {
		errs = append(errs, saved.Validate())
		r.disk = saved.clone()
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("the voters of %s: %w", node, err)
	}
	r.next = r.disk.clone()
	r.evaluate()
	return r, nil
}

// Heard takes a node's report. One that is not valid is an error and changes
// nothing.
func (r *Roll) Heard(now time.Time, node string, report Report) error {
	if err := errors.Join(checkNode(node), report.Validate()); err != nil {
		return fmt.Errorf("the report of %s on its voters: %w", node, err)
	}
	if _, ok := r.heard[node]; node == r.node || !ok && len(r.heard) == 2*most {
		return fmt.Errorf("the report of %s on its voters: %w", node, ErrStranger)
	}
	delete(r.gone, node)
	report.Saved = report.clone()
	r.heard[node] = report
	r.Step(now)
	return nil
}

// Gone says that a node isn't there any more, and can be forgotten. What it
// reported still counts.
func (r *Roll) Gone(node string) { r.gone[node] = true }

// Configure takes the list of a file that is reloaded. It is an error, and
// changes nothing, while a change to another list can't be taken back.
func (r *Roll) Configure(now time.Time, file List) error {
	if err := checkFile(file); err != nil {
		return fmt.Errorf("changing the voters of %s: %w", r.node, err)
	}
	if staged, by := r.bound(); by != "" && !staged.same(file) {
		return fmt.Errorf("changing the voters to %v: %w", file, &UnderWayError{staged.clone(), r.Waits()})
	}
	if !r.next.Fresh() && !file.overlaps(r.next.Current) {
		return fmt.Errorf("changing the voters from %v to %v: %w", r.next.Current, file, ErrNobodyStays)
	}
	r.file = file.clone()
	r.Step(now)
	return nil
}

func checkFile(file List) error {
	if file.IsZero() {
		return errors.New("there are no voters")
	}
	return file.validate()
}

// UnderWayError says that a change of the voters must be completed before the
// next.
type UnderWayError struct {
	To    List
	Waits []string // for these nodes
}

// Error says what to do.
func (e *UnderWayError) Error() string {
	s := fmt.Sprintf("the change to %v is under way and can't be taken back", e.To)
	if len(e.Waits) > 0 {
		s += "; it waits for " + strings.Join(e.Waits, ", ") + " (reload that list there, or forget a node that is gone for good)"
	}
	return s + "; change the voters again when it is complete"
}

// Errors of Configure, Heard and Forget.
var (
	ErrNobodyStays = errors.New("no voter stays, which is how a new cluster looks: change them in two steps")
	ErrStranger    = errors.New("not another node of this cluster")

	ErrNoChange = errors.New("no change of the voters is under way")
	ErrNoVoter  = errors.New("it is in neither list of voters")
	ErrThere    = errors.New("it is there")
)

// Forget makes the change that is under way wait for node no more. Its machine is
// gone for good: what it had promised as a voter nobody knows.
func (r *Roll) Forget(node string) error {
	var err error
	_, heard := r.heard[node]
	switch {
	case r.next.Staged.IsZero():
		err = ErrNoChange
	case !slices.Contains(r.next.lists().nodes(), node):
		err = ErrNoVoter
	case node == r.node || heard && !r.gone[node]:
		err = ErrThere
	}
	if err != nil {
		return fmt.Errorf("forgetting %s: %w", node, err)
	}
	if !slices.Contains(r.next.Forgotten, node) {
		r.next.Forgotten = append(r.next.Forgotten, node)
		slices.Sort(r.next.Forgotten)
	}
	r.Step(r.now)
	return nil
}

// Step says that time has passed.
func (r *Roll) Step(now time.Time) {
	if now.After(r.now) {
		r.now = now
	}
	r.evaluate()
}

// Deadline is when the next Step is due, if any is.
func (r *Roll) Deadline() (time.Time, bool) {
	if r.disk.Staged.IsZero() || r.disk.Fresh() || !r.next.same(&r.disk) {
		return time.Time{}, false // nothing is to run out
	}
	longest := r.disk.lists().longest()
	switch {
	case r.disk.Sealed && r.ready():
		return r.table.Add(longest), !r.table.IsZero() && !r.tableReady()
	case r.disk.Sealed:
		return r.sealed.Add(longest), true
	case !r.agreed.IsZero():
		return r.agreed.Add(longest), true
	}
	return time.Time{}, false
}

// Pending is what is to be written to disk, if it differs from what is there.
func (r *Roll) Pending() (Saved, bool) {
	if r.next.same(&r.disk) {
		return Saved{}, false
	}
	return r.next.clone(), true
}

// Wrote says that saved, as Pending returned it, is on disk.
func (r *Roll) Wrote(now time.Time, saved Saved) {
	if now.After(r.now) {
		r.now = now
	}
	if !saved.sameChange(&r.disk) {
		r.agreed, r.table = time.Time{}, time.Time{}
	}
	if saved.Sealed && (!r.disk.Sealed || !saved.sameChange(&r.disk)) {
		r.sealed = r.now
	}
	r.disk = saved.clone()
	r.evaluate()
}

// TableSealed says that the table among the voters in force is sealed for the
// staged list (Table.Sealed).
func (r *Roll) TableSealed(now time.Time) {
	if r.disk.Sealed && r.table.IsZero() {
		r.table = now
		r.Step(now)
	}
}

// Lists are those under which candidates ask. There are none, and nobody may
// ask, while ok is false.
func (r *Roll) Lists() (lists Lists, ok bool) {
	lists.Current = r.disk.Current
	if r.disk.Sealed || !r.agreed.IsZero() {
		lists.Staged = r.disk.Staged
	}
	return lists.clone(), !r.disk.Fresh()
}

// Votes are the lists of the node's voter. There is no voter while ok is false.
func (r *Roll) Votes() (lists Lists, ok bool) {
	lists = r.disk.lists().clone()
	lists.Sealed = r.disk.Sealed
	return lists, !r.disk.Fresh()
}

// Report is what all nodes are to be told, again and again.
func (r *Roll) Report() Report { return Report{r.disk.clone(), r.ready()} }

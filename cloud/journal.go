// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// entry is an object of a claim, and how far it has come.
type entry struct {
	Ownership      // as the cloud last showed it in this term
	taken     bool // a write that takes it was accepted in this term, or is not needed (see trust)
	held      bool // it was acquired in this term, and nothing has shown another holder since
	back      bool // it was this node's, and another took it
}

// record is what is known of one claim. What was moved stays moved: whoever goes
// on after a failure has to write the rest only.
type record struct {
	claim   vip.Claim
	entries []entry
	bold    bool // takes what another has; see StealLater
	begun   bool // a term has begun in this process's life,
	first   bool // and the claim's is the first of them
	// left are objects that were given up while they were this node's, and nobody
	// else has had a term since; see trust.
	left    []Object
	trusted bool // held, though the cloud has not shown it in this term
	backed  int  // take-backs in a row after which it was looked at soon
	// changes counts what makes a look say nothing that began before it.
	changes int
	wrote   time.Time   // the last accepted write
	looked  time.Time   // when the last look began
	poll    time.Time   // when the next one is due
	backs   []time.Time // looks soon after a take-over
	arrived bool        // the other planes are to be asked
	shown
}

// whole tells whether the cloud has shown all as wanted, and nothing else since.
func (r *record) whole() bool {
	return len(r.entries) > 0 && !slices.ContainsFunc(r.entries, func(e entry) bool { return !e.taken || !e.Mine })
}

// held tells whether all was acquired, and holds whether anything was.
func (r *record) held() bool {
	return len(r.entries) > 0 && !slices.ContainsFunc(r.entries, func(e entry) bool { return !e.held })
}

func (r *record) holds() bool {
	return slices.ContainsFunc(r.entries, func(e entry) bool { return e.held })
}

func (r *record) objects() []Object {
	var all []Object
	for _, e := range r.entries {
		all = append(all, e.Object)
	}
	return all
}

// journal has the records by claim. Its lock is held for no longer than it takes
// to look something up.
type journal struct {
	// stays says that what this node gives up stays as it is in the cloud until
	// another may write.
	stays bool

	mu       sync.Mutex
	records  map[string]*record
	failures map[string]map[string]uint64 // by claim and kind
}

func newJournal(stays bool) *journal {
	return &journal{stays: stays, records: map[string]*record{}, failures: map[string]map[string]uint64{}}
}

// record is the claim's, made where there is none. The lock is held.
func (j *journal) record(router string) *record {
	r := j.records[router]
	if r == nil {
		r = &record{}
		j.records[router] = r
	}
	return r
}

// begin notes what is wanted, and tells whether it is held already. A new term
// begins anew; in the same one what was moved is not moved again.
func (j *journal) begin(c vip.Claim, objects []Object, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(c.Router)
	old := r.entries
	if len(old) == 0 || r.claim.Term != c.Term {
		j.beginTerm(r, c, now)
		old = nil
	}
	same := len(old) == len(objects)
	r.claim, r.entries = c, make([]entry, len(objects))
	for i, o := range objects {
		at := slices.IndexFunc(old, func(e entry) bool { return e.Object == o })
		if at >= 0 {
			r.entries[i] = old[at]
			continue
		}
		same = false
		r.entries[i].Object = o
	}
	if !same {
		r.changes++
	}
	return len(objects) == 0 || r.held()
}

// beginTerm begins a record anew. The lock is held.
func (j *journal) beginTerm(r *record, c vip.Claim, now time.Time) {
	switch {
	case r.claim.Term == c.Term:
	case j.stays && r.begun && r.claim.Term == c.Follows:
		r.leave(func(entry) bool { return true })
	default:
		r.left = nil
	}
	r.first, r.begun = !r.begun, true
	r.backs, r.backed, r.trusted = nil, 0, false
	r.began(now)
}

// forget takes the claim's addresses from what is wanted.
func (j *journal) forget(c vip.Claim) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records[c.Router]
	if r == nil {
		return
	}
	given := func(e entry) bool {
		return slices.ContainsFunc(c.Addresses, func(p netip.Prefix) bool { return p.Addr() == e.Address })
	}
	if j.stays {
		r.leave(given)
	}
	r.entries = slices.DeleteFunc(r.entries, given)
	r.changes++
	if len(r.entries) == 0 {
		r.claim.Addresses, r.backs, r.trusted = nil, nil, false
		r.shown = shown{takenBack: r.takenBack, takenFrom: r.takenFrom}
	}
}

// unwanted are those of the objects that no claim wants.
func (j *journal) unwanted(objects []Object) []Object {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(objects), func(o Object) bool {
		for _, r := range j.records {
			if slices.ContainsFunc(r.entries, func(e entry) bool { return e.Object == o }) {
				return true
			}
		}
		return false
	})
}

// missing are the objects that no accepted write has taken, and whether what
// another has may be taken.
func (j *journal) missing(router string) (objects []Object, bold bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	for _, e := range r.entries {
		if !e.taken {
			objects = append(objects, e.Object)
		}
	}
	return objects, r.bold
}

// took notes that a write was accepted.
func (j *journal) took(router string, objects []Object, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	r.changes++
	all := true
	for i := range r.entries {
		e := &r.entries[i]
		if slices.Contains(objects, e.Object) {
			e.taken, r.wrote = true, now
		}
		all = all && e.taken
	}
	if all {
		r.accepted(now)
	}
}

// embolden lets the claim take what another has.
func (j *journal) embolden(router string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.record(router).bold = true
}

// stale makes all objects missing that the cloud does not show within so long
// after they were written, and returns one of them.
func (j *journal) stale(router string, now time.Time, after time.Duration) (Ownership, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	if now.Sub(r.wrote) < after {
		return Ownership{}, false
	}
	var one Ownership
	for i := range r.entries {
		if e := &r.entries[i]; e.taken && !e.Mine {
			e.taken, one = false, e.Ownership
		}
	}
	return one, one.ID != ""
}

// sent notes that the first request of the term has left.
func (j *journal) sent(router string, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.record(router).sent(now)
}

// unseen tells whether a write was accepted that the cloud has not shown.
func (j *journal) unseen(router string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.record(router).entries, func(e entry) bool { return e.taken && !e.Mine })
}

// settle makes held what has come as far as that, and counts what had been taken by
// others.
func (r *record) settle() (back int) {
	for i := range r.entries {
		e := &r.entries[i]
		if !e.taken || !e.Mine {
			continue
		}
		if e.held = true; e.back {
			e.back = false
			back++
		}
	}
	r.takenBack += uint64(back) //nolint:gosec // a length
	return back
}

// ended notes how an Acquire came out. What has moved is held, though the rest is
// not.
func (j *journal) ended(router string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	r.settle()
	r.err = err
	r.bold = r.bold || err == nil
}

// failed counts a failure of a request.
func (j *journal) failed(router string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failures[router] == nil {
		j.failures[router] = map[string]uint64{}
	}
	j.failures[router][KindOf(err).String()]++
}

// holds tells whether all the objects are held in the claim's term.
func (j *journal) holds(c vip.Claim, objects []Object) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records[c.Router]
	if r == nil || r.claim.Term != c.Term {
		return len(objects) == 0
	}
	return !slices.ContainsFunc(objects, func(o Object) bool {
		return !slices.ContainsFunc(r.entries, func(e entry) bool { return e.Object == o && e.held })
	})
}

// routers are the claims that there are records of, sorted.
func (j *journal) routers() []string {
	return slices.Sorted(maps.Keys(j.records))
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vip"
)

// glance is a claim as a look finds it. What it brings counts only if nothing was
// written meanwhile.
type glance struct {
	router  string
	claim   vip.Claim
	objects []Object
	changes int
	usual   bool // at the rate of polls
}

func (r *record) glance() glance {
	return glance{router: r.claim.Router, claim: r.claim, objects: r.objects(), changes: r.changes}
}

// glance begins a look at a claim.
func (j *journal) glance(router string, now time.Time) glance {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	r.looked = now
	return r.glance()
}

// glances begins a look at what is held, if that is due for any of it. It is
// urgent if it is one of those after a take-over.
func (j *journal) glances(now time.Time) (glances []glance, urgent bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	due := false
	for _, name := range j.routers() {
		r := j.records[name]
		if !r.holds() {
			continue
		}
		g := r.glance()
		g.usual = len(r.backs) == 0
		glances = append(glances, g)
		for len(r.backs) > 0 && !r.backs[0].After(now) {
			r.backs = r.backs[1:]
			due, urgent = true, true
		}
		due = due || !r.poll.After(now)
	}
	if !due {
		return nil, false
	}
	for _, g := range glances {
		j.records[g.router].looked = now
	}
	return glances, urgent
}

// due is when the next look is.
func (j *journal) due() (first time.Time, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.records {
		if !r.holds() {
			continue
		}
		at := r.poll
		if len(r.backs) > 0 && r.backs[0].Before(at) {
			at = r.backs[0]
		}
		if !ok || at.Before(first) {
			first, ok = at, true
		}
	}
	return first, ok
}

// postpone puts a look off.
func (j *journal) postpone(glances []glance, to time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, g := range glances {
		j.record(g.router).poll = to
	}
}

// prompt has a look come soon, but not sooner than a gap after the last one.
func (j *journal) prompt(router string, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.records[router]
	if r == nil || !r.holds() {
		return false
	}
	soon := now
	if after := r.looked.Add(gap); after.After(now) {
		soon = after
	}
	if !r.poll.After(soon) {
		return false
	}
	r.poll = soon
	return true
}

// saw notes what a look has brought. gone are the objects that this node held and
// others have; again is that the cloud could not be asked before.
func (j *journal) saw(g glance, seen []Ownership, now, next time.Time, backs []time.Duration) (gone []Ownership, again bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(g.router)
	r.poll = next
	again, r.unverified = r.unverified != "", ""
	if r.changes != g.changes {
		return nil, again
	}
	for i := range r.entries {
		e := &r.entries[i]
		e.Ownership = seen[i]
		e.Object = g.objects[i]
		if e.Mine {
			continue
		}
		r.left = slices.DeleteFunc(r.left, func(o Object) bool { return o == e.Object })
		if e.held {
			e.taken, e.held, e.back = false, false, true
			r.takenFrom = e.Holder
			gone = append(gone, e.Ownership)
		}
	}
	if r.whole() {
		r.verified = now
		if r.trusted {
			r.visible(now)
			r.backs = after(now, backs)
		}
	}
	r.trusted = false
	switch {
	case len(gone) > 0:
		r.changes++
	case g.usual:
		r.backed = 0
	}
	return gone, again
}

// after are times.
func after(now time.Time, waits []time.Duration) []time.Time {
	var all []time.Time
	for _, d := range waits {
		all = append(all, now.Add(d))
	}
	return all
}

// unverified notes why a look has brought nothing, and tells whether the last one
// of what is held had brought something. What the cloud has never shown is looked
// at sooner.
func (j *journal) unverified(g glance, next, sooner time.Time, err error) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(g.router)
	if r.poll = next; r.trusted {
		r.poll = sooner
	}
	if r.changes != g.changes || !r.holds() {
		return false
	}
	first := r.unverified == ""
	r.unverified = err.Error()
	return first
}

func (j *journal) isWhole(router string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record(router).whole()
}

// moved notes that a take-over has ended well, and tells how long it took since
// the term began, how many objects others had taken, and of how many. backs and
// again are when it is looked at soon: after a take-over, and after a take-back.
func (j *journal) moved(router string, now time.Time, backs, again []time.Duration) (took time.Duration, back, count int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	back = r.settle()
	r.trusted = false
	switch {
	case r.timeline.Visible == 0:
		r.visible(now)
		r.arrived = true
		r.backs = after(now, backs)
	case back > 0 && r.backed < mostBacked:
		r.backed++
		r.backs = after(now, again)
	}
	return now.Sub(r.timeline.Began), back, len(r.entries)
}

// arrivals are the claims that were taken over since the last call.
func (j *journal) arrivals() (glances []glance) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, name := range j.routers() {
		if r := j.records[name]; r.arrived {
			r.arrived = false
			glances = append(glances, r.glance())
		}
	}
	return glances
}

// current tells whether the claim is in the term and has the addresses that it had.
func (j *journal) current(g glance) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.record(g.router).is(g)
}

func (r *record) is(g glance) bool {
	return r.claim.Term == g.claim.Term && len(r.entries) == len(g.objects)
}

// reflected notes what the node's metadata service shows, and returns it.
func (j *journal) reflected(g glance, so bool, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.record(g.router); r.is(g) {
		r.reflected = word(so)
		if so {
			r.since(&r.timeline.Reflected, now)
		}
	}
	return so
}

// probed notes whether a peer's packets have arrived, and returns it.
func (j *journal) probed(g glance, peer string, so bool, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.record(g.router); r.is(g) {
		r.probed, r.peer = word(so), peer
		if so {
			r.since(&r.timeline.Probed, now)
		}
	}
	return so
}

// unprobed notes that it can't be known.
func (j *journal) unprobed(g glance) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if r := j.record(g.router); r.is(g) {
		r.probed, r.peer = "", ""
	}
}

func word(so bool) string {
	if so {
		return yes
	}
	return no
}

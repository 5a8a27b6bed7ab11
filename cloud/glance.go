// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
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
}

func (r *record) glance() glance {
	return glance{router: r.claim.Router, claim: r.claim, objects: r.objects(), changes: r.changes}
}

// glance begins a look at a claim, if the last one is at least so old.
func (j *journal) glance(router string, now time.Time, old time.Duration) (glance, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	if now.Sub(r.looked) < old {
		return glance{}, false
	}
	r.looked = now
	return r.glance(), true
}

// glances begins a look at what is held, if that is due for any of it. It is
// urgent if it is one of those after a take-over.
func (j *journal) glances(now time.Time) (glances []glance, urgent bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	due := false
	var held []*record
	for _, name := range j.routers() {
		r := j.records[name]
		if !r.whole() {
			continue
		}
		for len(r.backs) > 0 && !r.backs[0].After(now) {
			r.backs = r.backs[1:]
			due, urgent = true, true
		}
		due = due || !r.poll.After(now)
		held = append(held, r)
	}
	if !due {
		return nil, false
	}
	for _, r := range held {
		r.looked = now
		glances = append(glances, r.glance())
	}
	return glances, urgent
}

// due is when the next look is.
func (j *journal) due() (first time.Time, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.records {
		if !r.whole() {
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

// saw notes what a look has brought. gone are the objects that this node held and
// others have; again is that the cloud could not be asked before.
func (j *journal) saw(g glance, seen []Ownership, now, next time.Time) (gone []Ownership, again bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(g.router)
	r.poll = next
	again, r.unverified = r.unverified != "", ""
	if r.changes != g.changes {
		return nil, again
	}
	held := r.whole()
	for i := range r.entries {
		e := &r.entries[i]
		e.Ownership = seen[i]
		e.Object = g.objects[i]
		if held && !e.Mine {
			e.taken, e.back = false, true
			gone = append(gone, e.Ownership)
		}
	}
	if r.whole() {
		r.verified = now
	}
	if len(gone) > 0 {
		r.changes++
	}
	return gone, again
}

// unverified notes why a look has brought nothing, and tells whether the last one
// of what is held had brought something.
func (j *journal) unverified(g glance, next time.Time, err error) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(g.router)
	r.poll = next
	if r.changes != g.changes || !r.whole() {
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
// the term began, how many objects others had taken, and of how many.
func (j *journal) moved(router string, now time.Time, backs []time.Duration) (took time.Duration, back, count int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.record(router)
	for i := range r.entries {
		if e := &r.entries[i]; e.back {
			e.back = false
			back++
		}
	}
	r.takenBack += uint64(back) //nolint:gosec // a length
	if r.timeline.Visible == 0 {
		r.visible(now)
		r.arrived = true
		for _, d := range backs {
			r.backs = append(r.backs, now.Add(d))
		}
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

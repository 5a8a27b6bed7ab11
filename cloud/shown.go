// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"cmp"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// shown is what of a record is for people only.
type shown struct {
	verified   time.Time
	unverified string
	err        error // of the last Acquire
	takenBack  uint64
	takenFrom  string // who had what this node holds, last
	timeline   status.Timeline
	reflected  string
	probed     string
	peer       string
}

const (
	yes = "yes"
	no  = "no"
)

func (s *shown) began(now time.Time) {
	*s = shown{takenBack: s.takenBack, takenFrom: s.takenFrom, timeline: status.Timeline{Began: now}}
}

func (s *shown) since(phase *time.Duration, now time.Time) {
	if *phase == 0 {
		*phase = max(1, now.Sub(s.timeline.Began))
	}
}

func (s *shown) sent(now time.Time)     { s.since(&s.timeline.Sent, now) }
func (s *shown) accepted(now time.Time) { s.since(&s.timeline.Accepted, now) }
func (s *shown) visible(now time.Time)  { s.since(&s.timeline.Visible, now) }

// The second family of a router that has both is a claim of its own.
func claims(router string) [2]string { return [2]string{router, router + "/ipv6"} }

// status is how the claims of a router stand, put together.
func (j *journal) status(router string) status.Mover {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := status.Mover{Objects: []status.CloudObject{}, Calls: map[string]uint64{}, Failures: map[string]uint64{}}
	for _, name := range claims(router) {
		for kind, n := range j.failures[name] {
			s.Failures[kind] += n
		}
		r := j.records[name]
		if r == nil {
			continue
		}
		s.TakenBack += r.takenBack
		s.TakenFrom = cmp.Or(s.TakenFrom, r.takenFrom)
		if r.err != nil {
			s.Error, s.ErrorKind = r.err.Error(), KindOf(r.err).String()
		}
		if len(r.entries) == 0 {
			continue
		}
		r.shown.add(&s)
		for _, e := range r.entries {
			s.Objects = append(s.Objects, status.CloudObject{ID: e.ID, Address: e.Address, Mine: e.Mine, Holder: e.Holder, Dead: e.Dead})
			if e.taken && e.Mine {
				s.Moved++
			}
		}
	}
	return s
}

// add adds what is shown to the status of the router's other claim, the worse of
// both where there is one.
func (s *shown) add(to *status.Mover) {
	if !to.Wanted || s.verified.Before(to.Verified) {
		to.Verified = s.verified
	}
	if s.unverified != "" {
		to.Unverified = s.unverified
	}
	if !to.Wanted || worse(s.reflected, to.Reflected) {
		to.Reflected = s.reflected
	}
	if !to.Wanted || worse(s.probed, to.Probed) {
		to.Probed, to.Peer = s.probed, s.peer
	}
	if to.Wanted {
		to.Timeline = later(to.Timeline, s.timeline)
	} else {
		to.Timeline = s.timeline
	}
	to.Wanted = true
}

// worse tells whether no comes before unknown, and that before yes.
func worse(a, b string) bool {
	rank := map[string]int{no: 0, "": 1, yes: 2}
	return rank[a] < rank[b]
}

// later is the take-over of both: from the first one's beginning to the last
// one's phases, as far as both have come.
func later(a, b status.Timeline) status.Timeline {
	t := a
	if b.Began.Before(a.Began) {
		t.Began = b.Began
	}
	phases := func(l *status.Timeline) [5]*time.Duration {
		return [5]*time.Duration{&l.Sent, &l.Accepted, &l.Visible, &l.Reflected, &l.Probed}
	}
	pa, pb, pt := phases(&a), phases(&b), phases(&t)
	for i := range pt {
		*pt[i] = 0
		if *pa[i] > 0 && *pb[i] > 0 {
			*pt[i] = max(a.Began.Add(*pa[i]).Sub(t.Began), b.Began.Add(*pb[i]).Sub(t.Began))
		}
	}
	return t
}

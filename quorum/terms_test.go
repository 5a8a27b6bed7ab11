// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"maps"
	"testing"
)

// A term that was accepted is over for all other ballots, however it ended.
func TestVoterTerms(t *testing.T) {
	again := ballot(5, "b")
	again.Start++ // its next life
	for name, end := range map[string]func(v *Voter){
		"released": func(v *Voter) { v.Handle(ready, "b", asked(Release, web, ballot(5, "b"))) },
		"run out":  func(*Voter) {},
		"went away": func(v *Voter) {
			_ = v.Reconfigure(ready.Add(longest), nil)
			_ = v.Reconfigure(ready, []Resource{web, mail})
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoter(t, "c", abc, web, mail)
			wants(t, v, 0, asked(Prepare, web, ballot(4, "a")), None)
			wants(t, v, 0, asked(Propose, web, ballot(5, "b")), None)
			if v.Term("web") != 5 || v.Taken() != 1 || !maps.Equal(v.Terms(), map[string]Ballot{"web": ballot(5, "b")}) {
				t.Errorf("%v, taken %d", v.Terms(), v.Taken())
			}
			end(v)
			for _, b := range []Ballot{ballot(4, "a"), ballot(5, "a"), ballot(5, "z"), ballot(1, "c"), again} {
				for _, kind := range []Kind{Prepare, Propose} {
					got := wants(t, v, longest, asked(kind, web, b), Promised)
					if got.Promised != ballot(5, "b") {
						t.Errorf("promised: %v", got.Promised)
					}
				}
			}
			wants(t, v, longest, asked(Prepare, web, ballot(6, "a")), None)
			wants(t, v, longest, asked(Prepare, mail, ballot(1, "a")), None)
		})
	}
}

// What is only promised is no term.
func TestVoterTermsAreAccepted(t *testing.T) {
	v := newVoter(t, "c", abc, web)
	wants(t, v, 0, asked(Prepare, web, ballot(9, "b")), None)
	wants(t, v, longest, asked(Prepare, web, ballot(1, "a")), None)
	wants(t, v, longest, asked(Propose, web, ballot(1, "a")), None)
	wants(t, v, longest, asked(Propose, web, ballot(1, "a")), None)
	if v.Term("web") != 1 || v.Taken() != 1 {
		t.Errorf("%v, taken %d", v.Terms(), v.Taken())
	}
}

// A voter that kept its terms goes on with the holder's renewals after a start.
func TestVoterKeepsTerms(t *testing.T) {
	kept := map[string]Ballot{"web": ballot(7, "a"), "gone": ballot(9, "b")}
	v, err := NewVoter(VoterConfig{Node: "c", Lists: abc, Resources: []Resource{web}, Terms: kept}, boot)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, v, 0, asked(Prepare, web, ballot(7, "b")), Promised)
	wants(t, v, 0, asked(Propose, web, ballot(7, "a")), None)
	wants(t, v, 0, asked(Prepare, web, ballot(8, "a")), None)
	wants(t, v, 0, asked(Propose, web, ballot(8, "a")), None)
	if kept["web"] != ballot(7, "a") || v.Term("web") != 8 || v.Term("gone") != 9 || v.Taken() != 1 {
		t.Errorf("%v, taken %d, was %v", v.Terms(), v.Taken(), kept)
	}
}

// What the own voter knows costs no round trip.
func TestCandidateAbove(t *testing.T) {
	r := newRoom(t)
	r.candidates["a"].Above(41)
	r.candidates["a"].Above(40)
	r.wants(r.step("a", Acquire{}), Granted{42, ready.Add(2700 * ms)})
}

// Two of three are there, and one of them doesn't know the last term: the other's
// refusal is enough to try again above it.
func TestCandidateJumpsBesideTheDead(t *testing.T) {
	r := newRoom(t)
	r.lost = mute("b")
	r.until("a", r.now)
	r.step("a", Acquire{})
	r.now = r.now.Add(leaseT)
	r.candidates["a"].Step(r.now, Stop{})
	r.lost = mute("a")
	if got := r.step("b", Acquire{}); len(got) != 1 || got[0] != (Granted{2, r.now.Add(2700 * ms)}) {
		t.Errorf("%+v", got)
	}
}

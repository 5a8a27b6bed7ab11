// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"slices"
	"testing"
	"time"
)

// A letter per voter a, b, c ...: where it is listed and what is known of it.
func TestVotes(t *testing.T) {
	const (
		current = 1 << iota
		staged
		answers
		joined
		drift
		silent // asked in vain
		quiet  // on the peer link
	)
	in := current | answers | joined
	tests := map[string]struct {
		voters   []int
		staged   bool
		silence  bool // of this node, a
		silent   []string
		majority bool
		spare    int
	}{
		"all answer":                  {voters: []int{in, in, in}, majority: true, spare: 1},
		"one of three is lost":        {voters: []int{in, in, current}, majority: true, silent: []string{"c"}},
		"two of three are lost":       {voters: []int{in, current, current}, silent: []string{"b", "c"}},
		"on the link, but no answer":  {voters: []int{in, in, current | joined | silent}, majority: true, silent: []string{"c"}},
		"one was not asked":           {voters: []int{in, in, current | joined}, majority: true, spare: 1},
		"it is quiet on the link":     {voters: []int{in, in, current | joined | quiet}, majority: true, silent: []string{"c"}},
		"but answers questions":       {voters: []int{in, in, in | quiet}, majority: true, spare: 1},
		"nobody was asked":            {voters: []int{current | joined, current | joined, current | joined}, majority: true, spare: 1},
		"not asked, one is gone":      {voters: []int{current | joined, current | joined, current}, majority: true, silent: []string{"c"}},
		"not asked, two are gone":     {voters: []int{current | joined, current, current}, silent: []string{"b", "c"}},
		"not asked, another list":     {voters: []int{current | joined, current | joined | drift, current}, silent: []string{"b", "c"}},
		"asked, and nobody answers":   {voters: []int{in, current | joined | silent, current | silent}, silent: []string{"b", "c"}},
		"not asked, all are quiet":    {voters: []int{current | joined, current | joined | quiet, current | joined | quiet}, silent: []string{"b", "c"}},
		"own voter is silent":         {voters: []int{current | joined, in, in}, silence: true, majority: true, silent: []string{"a"}},
		"five":                        {voters: []int{in, in, in, in, current}, majority: true, spare: 1, silent: []string{"e"}},
		"four":                        {voters: []int{in, in, in, current}, majority: true, silent: []string{"d"}},
		"staged: both have one":       {voters: []int{in | staged, in | staged, in, staged | answers | joined}, staged: true, majority: true, spare: 1},
		"staged: the new one has not": {voters: []int{in | staged, in, in, staged, staged}, staged: true, silent: []string{"d", "e"}},
		"staged: the old one has not": {voters: []int{in | staged, current, current, staged | answers}, staged: true, silent: []string{"b", "c"}},
		"no list":                     {},
	}
	for name, tc := range tests {
		s := Status{Node: "a", Guard: &Guard{Staged: tc.staged}}
		if tc.silence {
			s.Guard.Silent = time.Unix(1, 0)
		}
		for i, v := range tc.voters {
			n := string(rune('a' + i))
			s.Guard.Voters = append(s.Guard.Voters, Voter{
				Name: n, Current: v&current != 0, Staged: v&staged != 0, Answers: v&answers != 0, Silent: v&silent != 0, Drift: v&drift != 0,
			})
			s.Fleet = append(s.Fleet, Node{Name: n, Joined: v&joined != 0, Quiet: v&quiet != 0})
		}
		got := s.Votes()
		if !slices.Equal(got.Silent, tc.silent) || got.Majority != tc.majority || got.Spare != tc.spare {
			t.Errorf("%s: got %+v, want %v, %t, %d", name, got, tc.silent, tc.majority, tc.spare)
		}
	}
	if got := (&Status{}).Votes(); got.Silent != nil || got.Majority {
		t.Errorf("without a guard: %+v", got)
	}
}

// What voters grant is each resource's own matter.
func TestVotesOn(t *testing.T) {
	s := Status{Node: "a", Guard: &Guard{}}
	for _, n := range []string{"a", "b", "c"} {
		s.Guard.Voters = append(s.Guard.Voters, Voter{Name: n, Current: true, Answers: true})
	}
	s.Guard.Voters[2].Denies = []Denied{{"router web", DeniedAddresses}, {"router mail", DeniedMissing}}
	s.Guard.Voters[1].Denies = []Denied{{"router mail", DeniedMissing}}
	for resource, want := range map[string]Votes{
		"router web":      {Silent: []string{"c"}, Majority: true},
		"router mail":     {Silent: []string{"b", "c"}},
		"sync group edge": {Majority: true, Spare: 1},
	} {
		got := s.VotesOn(resource)
		if !slices.Equal(got.Silent, want.Silent) || got.Majority != want.Majority || got.Spare != want.Spare {
			t.Errorf("%s: %+v, want %+v", resource, got, want)
		}
	}
	if got := s.Votes(); !got.Majority || got.Spare != 1 {
		t.Errorf("of all: %+v", got)
	}
	for want, r := range map[string]Router{"router web": {Name: "web"}, "sync group edge": {Name: "web", SyncGroup: "edge"}} {
		if got := r.Resource(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

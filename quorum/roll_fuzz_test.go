// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"encoding/json"
	"testing"
)

// FuzzReport wants a report that is valid to be the same after it was encoded
// and decoded again, and a Roll to take whatever it says, with its own state left
// valid.
func FuzzReport(f *testing.F) {
	next := List{[]string{"b", "c", "d"}, longest}
	for _, r := range []Report{
		{},
		{Saved: Saved{Staged: abc.Current}},
		{Saved: Saved{Staged: abc.Current, Sealed: true, Forgotten: []string{"c"}}, Ready: true},
		{Saved: Saved{Generation: 1, Current: abc.Current}},
		{Saved: Saved{Generation: 1, Current: abc.Current, Staged: next}},
		{Saved: Saved{Generation: 1, Current: abc.Current, Staged: next, Sealed: true}, Ready: true},
		{Saved: Saved{Generation: 2, Current: next}},
	} {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Report
		if json.Unmarshal(data, &r) != nil || r.Validate() != nil {
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again Report
		if err := json.Unmarshal(b, &again); err != nil || again.Validate() != nil || again.Ready != r.Ready || !again.same(&r.Saved) {
			t.Fatalf("%+v (%v), was %+v", again, err, r)
		}
		for _, saved := range []*Saved{nil, {Generation: 1, Current: abc.Current}, &r.Saved} {
			roll, err := NewRoll("a", saved, abc.Current, boot)
			if err != nil {
				t.Fatal(err)
			}
			for range 4 {
				if err := roll.Heard(boot, "b", r); err != nil {
					t.Fatal(err)
				}
				own := roll.Report()
				lists, ok := roll.Votes()
				if err := own.Validate(); err != nil || ok && lists.validate() != nil {
					t.Fatalf("%v; votes under %v", err, lists)
				}
				if pending, ok := roll.Pending(); ok {
					roll.Wrote(boot, pending)
				}
				roll.Problem()
			}
		}
	})
}

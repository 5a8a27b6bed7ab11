// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// TestVerdict: outcomes and states, one letter each. P, F and T are pass, fail
// and timeout; u, p and f undecided, passing and failing.
func TestVerdict(t *testing.T) {
	for _, tt := range []struct {
		name        string
		rise, fall  int
		initialPass bool
		outcomes    string
		states      string
	}{
		{"a first pass decides", 3, 3, false, "P", "p"},
		{"a first failure decides", 3, 3, false, "F", "f"},
		{"a first time-out decides", 3, 3, false, "T", "f"},
		{"rise 1, fall 1", 1, 1, false, "PFPTTP", "pfpffp"},
		{"fall in a row", 1, 3, false, "PFFF", "pppf"},
		{"fall with gaps", 1, 3, false, "PFFPFFPFFF", "pppppppppf"},
		{"rise in a row", 3, 1, false, "FPPP", "fffp"},
		{"rise with gaps", 2, 1, false, "FPFPFPP", "ffffffp"},
		{"time-outs and failures are one row", 1, 3, false, "PTFT", "pppf"},
		{"a time-out ends a row of passes", 2, 1, false, "FPTPP", "ffffp"},
		{"passes count afresh after the change", 2, 2, false, "PFFPFPP", "ppffffp"},
		{"initial pass stays for fall-1", 2, 3, true, "FF", "pp"},
		{"initial pass needs fall", 2, 3, true, "FTF", "ppf"},
		{"initial pass, then a pass, then fall", 1, 2, true, "FPFF", "pppf"},
		{"patient: a first pass decides", 3, 3, false, "patient P", "p"},
		{"patient: failures must be fall in a row", 3, 3, false, "patient FTFF", "uuff"},
		{"patient: a pass between", 3, 2, false, "patient FPFF", "uppf"},
		{"the first after initial pass decides nothing", 5, 5, true, "PFP", "ppp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := checks.NewVerdict(tt.rise, tt.fall, tt.initialPass)
			before := v.State()
			if want := map[bool]track.State{false: track.Undecided, true: track.Passing}[tt.initialPass]; before != want {
				t.Errorf("begins %v, want %v", before, want)
			}
			states, outcomes := "", strings.TrimPrefix(tt.outcomes, "patient ")
			v.Patient = outcomes != tt.outcomes
			for i, o := range outcomes {
				state, changed := v.Add(map[rune]checks.Outcome{'P': checks.Pass, 'F': checks.Fail, 'T': checks.Timeout}[o])
				if changed != (state != before) || state != v.State() {
					t.Errorf("outcome %d: %v to %v, changed is %v and State %v", i, before, state, changed, v.State())
				}
				states += state.String()[:1]
				before = state
			}
			if states != tt.states {
				t.Errorf("rise %d, fall %d: %s made %s, want %s", tt.rise, tt.fall, tt.outcomes, states, tt.states)
			}
		})
	}
}

func TestVerdictRow(t *testing.T) {
	v := checks.NewVerdict(2, 3, false)
	if v.Row() != 0 || v.Need() != 1 {
		t.Errorf("undecided: row %d of %d, want 0 of 1", v.Row(), v.Need())
	}
	for i, tt := range []struct {
		outcome   checks.Outcome
		row, need int
	}{
		{checks.Pass, 1, 3},
		{checks.Pass, 2, 3},
		{checks.Fail, 1, 3},
		{checks.Timeout, 2, 3},
		{checks.Fail, 3, 2},
		{checks.Fail, 4, 2},
		{checks.Pass, 1, 2},
		{checks.Pass, 2, 3},
	} {
		if v.Add(tt.outcome); v.Row() != tt.row || v.Need() != tt.need {
			t.Errorf("after %d, %v: row %d of %d, want %d of %d", i, tt.outcome, v.Row(), v.Need(), tt.row, tt.need)
		}
	}
	v.Fall = 1
	if state, changed := v.Add(checks.Fail); state != track.Failing || !changed {
		t.Errorf("with another Fall: %v, changed %v, want failing at once", state, changed)
	}
}

func TestOutcomeString(t *testing.T) {
	got := []string{checks.Pass.String(), checks.Fail.String(), checks.Timeout.String()}
	if s := strings.Join(got, " "); s != "pass fail timeout" {
		t.Errorf("outcomes are %s", s)
	}
}

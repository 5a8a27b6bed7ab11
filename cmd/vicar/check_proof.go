// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/proof"
)

// What is shown of a proof unless all is asked for: so many tables, and tables
// of so many lines in full, else so many lines that matter.
const (
	mostTables = 8
	fullLines  = 12
	mostLines  = 24
)

// proved is a proof for people: who holds what after which failure, and below
// that what was found.
type proved struct {
	proof.Report
	all   bool
	paint paint
	// told are the outcomes that findings come from, by their failures.
	told map[string]proof.Severity
}

func renderProof(r proof.Report, all bool, p paint) string {
	v := proved{Report: r, all: all, paint: p, told: make(map[string]proof.Severity)}
	for _, f := range r.Findings {
		for _, router := range f.Routers {
			key := router + "\n" + whats(f.Failures)
			v.told[key] = max(v.told[key], f.Severity) // the worse is the greater word
		}
	}
	return v.tables() + "\n" + v.findings()
}

// tables has those with findings first when there are too many.
func (v proved) tables() string {
	elections := v.Elections
	if left := len(elections) - mostTables; left > 0 && !v.all {
		sorted := slices.SortedStableFunc(slices.Values(elections), func(a, b proof.Election) int {
			return cmp.Compare(v.bad(b), v.bad(a))
		})
		elections = sorted[:mostTables]
		return v.tablesOf(elections) + fmt.Sprintf("\nand %s; --all shows all\n", count(left, "table more", "tables more"))
	}
	return v.tablesOf(elections)
}

func (v proved) tablesOf(elections []proof.Election) string {
	var b strings.Builder
	for _, e := range elections {
		b.WriteString("\n" + v.title(e) + "\n" + v.table(e))
	}
	return b.String()
}

// bad is how many findings there are for an election.
func (v proved) bad(e proof.Election) int {
	n := 0
	for _, f := range v.Findings {
		if slices.Contains(f.Routers, e.Routers[0]) {
			n++
		}
	}
	return n
}

func (v proved) title(e proof.Election) string {
	title := v.paint.text(bold, several(e.Routers))
	if len(e.SyncGroups) > 0 {
		title += " (sync group " + several(e.SyncGroups) + ")"
	}
	return title
}

func (v proved) table(e proof.Election) string {
	names := []string{"FAILURE"}
	for _, s := range e.Well.Standings {
		names = append(names, s.Node)
	}
	rows := [][]cell{heading(append(names, "HOLDER", "MOVES", "REPAIRED")...), v.row(e, e.Well)}
	rows[1][0].text = "none"
	outcomes := slices.Concat(e.Outcomes, e.Pairs)
	shown := outcomes
	if len(outcomes) > fullLines && !v.all {
		shown = v.those(e, outcomes)
	}
	for _, o := range shown {
		rows = append(rows, v.row(e, o))
	}
	text := table(v.paint, rows)
	if left := len(outcomes) - len(shown); left > 0 {
		text += "and " + count(left, "failure more", "failures more") + "; --all shows all\n"
	}
	return text
}

// those are the outcomes that matter: where there is a problem, and the first
// where the holder is concerned or there is something to say.
func (v proved) those(e proof.Election, outcomes []proof.Outcome) []proof.Outcome {
	var some []proof.Outcome
	for _, o := range outcomes {
		severity := v.severity(e, o)
		matters := o.Moves || o.Holder == "" || len(o.Tied) > 0 || severity != "" ||
			slices.ContainsFunc(o.Failures, func(f proof.Failure) bool {
				return slices.ContainsFunc(f.Turned, func(t proof.Turned) bool { return t.Node == e.Well.Holder })
			})
		if severity == proof.Problem || matters && len(some) < mostLines {
			some = append(some, o)
		}
	}
	return some
}

// severity is that of what was found at an outcome, if anything.
func (v proved) severity(e proof.Election, o proof.Outcome) proof.Severity {
	return v.told[e.Routers[0]+"\n"+whats(o.Failures)]
}

func (v proved) row(e proof.Election, o proof.Outcome) []cell {
	colour := ""
	switch v.severity(e, o) {
	case proof.Problem:
		colour = red
	case proof.Note:
		colour = yellow
	case proof.Info:
	}
	row := []cell{{whats(o.Failures), colour}}
	for _, s := range o.Standings {
		switch {
		case s.Dead:
			row = append(row, cell{text: "dead"})
		case len(s.Blocked) > 0 || s.Down != "":
			row = append(row, cell{text: "out"})
		default:
			row = append(row, cell{text: strconv.Itoa(s.Priority)})
		}
	}
	holder := cell{text: cmp.Or(strings.Join(append([]string{o.Holder}, o.Tied...), " or "), "nobody")}
	switch {
	case o.Holder == "":
		holder.colour = red
	case len(o.Tied) > 0:
		holder.colour = yellow
	}
	if len(o.Failures) == 0 {
		return append(row, holder)
	}
	moves := cell{"no", colour}
	switch {
	case o.Holder == "" && e.Well.Holder != "":
		moves = cell{"lost", colour}
	case o.Moves:
		moves = cell{text: "yes"}
	}
	return append(row, holder, moves, cell{text: cmp.Or(o.Repaired, "nobody")})
}

// findings says what was found, the problems last, where the eye is.
func (v proved) findings() string {
	var b strings.Builder
	if v.Pairs != nil && v.Pairs.Skipped > 0 {
		fmt.Fprintf(&b, "%s not looked at, of %d: there are too many\n",
			count(v.Pairs.Skipped, "pair was", "pairs were"), v.Pairs.Skipped+v.Pairs.Looked)
	}
	for _, f := range slices.Backward(v.Findings) {
		word := string(f.Severity)
		switch f.Severity {
		case proof.Problem:
			word = v.paint.text(red, word)
		case proof.Note:
			word = v.paint.text(yellow, word)
		case proof.Info:
		}
		fmt.Fprintf(&b, "%s: %s: %s; %s\n", word, several(f.Routers), f.Text, f.Remedy)
	}
	problems, notes := len(v.Problems()), len(v.Notes())
	verdict := "no problem"
	if problems > 0 {
		verdict = v.paint.text(red, count(problems, "problem", "problems"))
	}
	if notes > 0 {
		verdict += ", " + count(notes, "note", "notes")
	}
	return b.String() + "proof: " + verdict + "\n"
}

// whats is failures that come one after the other.
func whats(failures []proof.Failure) string {
	var all []string
	for _, f := range failures {
		all = append(all, f.What)
	}
	return strings.Join(all, ", then ")
}

// several lists names, the first few of many.
func several(names []string) string {
	const most = 5
	if left := len(names) - most; left > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", left)
	}
	return strings.Join(names, ", ")
}

func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + more
}

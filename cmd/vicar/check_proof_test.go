// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/proof"
)

// fails is an outcome after a check failed on the holder.
func fails(check, holder string, moves bool) proof.Outcome {
	return proof.Outcome{
		Failures: []proof.Failure{{
			What:   check + " fails on lb-1",
			Turned: []proof.Turned{{Node: "lb-1", Check: check, State: "failing"}},
		}},
		Standings: []proof.Standing{{Node: "lb-1", Base: 150, Priority: 130}, {Node: "lb-2", Base: 100, Priority: 100}},
		Holder:    holder, Moves: moves, Repaired: "lb-1",
	}
}

// foretold is a proof of so many routers with so many checks each, of which the
// last router has a problem with the first.
func foretold(routers, checks int) proof.Report {
	r := proof.Report{Pairs: &proof.Pairs{Looked: 20000, Skipped: 1}}
	for i := range routers {
		e := proof.Election{Routers: []string{fmt.Sprintf("r%02d", i)}, Well: proof.Outcome{Holder: "lb-1"}}
		e.Well.Standings = []proof.Standing{{Node: "lb-1", Base: 150, Priority: 150}, {Node: "lb-2", Base: 100, Priority: 100}}
		for c := range checks {
			e.Outcomes = append(e.Outcomes, fails(fmt.Sprintf("c%02d", c), "lb-2", true))
		}
		r.Elections = append(r.Elections, e)
	}
	last := &r.Elections[routers-1]
	last.Outcomes[0] = fails("c00", "lb-1", false)
	r.Findings = []proof.Finding{
		{Kind: proof.Stays, Severity: proof.Problem, Routers: last.Routers, Text: "c00 stays", Remedy: "do", Failures: last.Outcomes[0].Failures},
	}
	return r
}

// What is too much is left out, what is wrong never.
func TestProofIsSummarised(t *testing.T) {
	text := renderProof(foretold(10, 40), false, false)
	for _, want := range []string{
		"\nr09\nFAILURE", "\nc00 fails on lb-1  130   100   lb-1    no     lb-1\n",
		"and 16 failures more; --all shows all\n", "and 2 tables more; --all shows all\n",
		"1 pair was not looked at, of 20001: there are too many\n", "problem: r09: c00 stays; do\nproof: 1 problem\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	all := renderProof(foretold(10, 40), true, false)
	if n := strings.Count(all, "\n"); n < 10*42 || strings.Contains(all, "more") {
		t.Errorf("all is %d lines:\n%s", n, all)
	}
}

// The colours say what is wrong and what is worth a look.
func TestProofColours(t *testing.T) {
	r := foretold(1, 2)
	r.Elections[0].Outcomes[1].Holder = ""
	text := renderProof(r, false, true)
	for _, want := range []string{
		"\x1b[31mc00 fails on lb-1\x1b[0m", "\x1b[31mno\x1b[0m", "\x1b[31mnobody\x1b[0m", "\x1b[31mproblem\x1b[0m: r00",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

func TestSeveral(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	for n, want := range map[int]string{1: "a", 2: "a, b", 5: "a, b, c, d, e", 7: "a, b, c, d, e and 2 more"} {
		if got := several(names[:n]); got != want {
			t.Errorf("%d names: %q, want %q", n, got, want)
		}
	}
}

// Without a file the one is checked that vicar run reads.
func TestCheckDefault(t *testing.T) {
	got := vicar(t.Context(), "check", "--json")
	if want := `"file": "` + defaultConfig + `"`; !strings.Contains(got.stdout, want) {
		t.Errorf("no %s in:\n%s", want, got)
	}
}

func TestCheckStandardInput(t *testing.T) {
	for text, want := range map[string]string{
		"cluster: web\nnodes: {a: {address: 192.0.2.10}}\nrouters: {web: {vrid: 51, addresses: [192.0.2.100/24]}}\n": "the standard input is valid: cluster web",
		"clutser: web\n": "the standard input:1:1: clutser: unknown key",
	} {
		var out strings.Builder
		a := &app{stdout: &out, stderr: &out, env: func(string) string { return "" }}
		root := a.root()
		root.SetIn(strings.NewReader(text))
		root.SetArgs([]string{"check", "-"})
		_ = a.exit("vicar check", root.ExecuteContext(t.Context()))
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
}

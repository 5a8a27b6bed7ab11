// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Command gotest runs `go test` with its arguments, prints what `go test`
// prints, and after it which tests were skipped and why, which `go test` keeps
// to itself, and the gist of what failed, where only the last lines are read. Its
// exit code is that of `go test`.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is a line of `go test -json` (see `go doc test2json`).
type event struct {
	Action, Package, Test, Output, ImportPath string
}

// key is a test, or with an empty test a package.
type key struct{ pkg, test string }

// skip is a reason in a package.
type skip struct{ pkg, reason string }

// report sorts the events of a run into what is printed at once and what is
// told at the end.
type report struct {
	out     io.Writer
	output  map[key][]string
	skipped map[skip][]string // tests, by why
	skips   int
	passed  int
	failed  int
	gists   []string // of the tests that failed
}

func main() {
	cmd := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest: starting go test:", err)
		os.Exit(1)
	}
	r := &report{out: os.Stdout, output: map[key][]string{}, skipped: map[skip][]string{}}
	r.read(stdout)
	err = cmd.Wait()
	r.summary()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest: running go test:", err)
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if len(line) > 0 && json.Unmarshal(line, &e) == nil {
			r.handle(e)
		} else {
			fmt.Fprint(r.out, string(line))
		}
		if err != nil {
			return
		}
	}
}

func (r *report) handle(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "output":
		// A package's own lines are the plain `go test` output; a test's are
		// kept until it is known whether they matter.
		if e.Test != "" {
			r.output[k] = append(r.output[k], e.Output)
		} else if e.Output != "PASS\n" && e.Output != "FAIL\n" {
			fmt.Fprint(r.out, e.Output)
		}
	case "skip":
		if e.Test != "" {
			why := skip{e.Package, reason(r.output[k])}
			r.skipped[why] = append(r.skipped[why], e.Test)
			r.skips++
		}
		delete(r.output, k)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.output, k)
	case "fail":
		if e.Test != "" {
			r.failed++
			fmt.Fprint(r.out, strings.Join(r.output[k], ""))
			r.gists = append(r.gists, gist(k, r.output[k]))
		}
		delete(r.output, k)
	}
}

// summary also prints what tests wrote that never ended: the package died.
func (r *report) summary() {
	for _, lines := range r.output {
		fmt.Fprint(r.out, strings.Join(lines, ""))
	}
	fmt.Fprintf(r.out, "tests: %d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skips)
	var lines []string
	for why, tests := range r.skipped {
		lines = append(lines, fmt.Sprintf("skipped: %s: %s (%s)", why.pkg, names(tests), why.reason))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Fprintln(r.out, line)
	}
	for _, g := range r.gists {
		fmt.Fprint(r.out, g)
	}
}

// names are the tests without their subtests, each once.
func names(tests []string) string {
	var short []string
	for _, t := range tests {
		t, _, _ = strings.Cut(t, "/")
		short = append(short, t)
	}
	slices.Sort(short)
	return strings.Join(slices.Compact(short), " ")
}

// reason is what the test gave to Skip: the last line that is not test2json's
// own, without its file and line.
func reason(lines []string) string {
	for _, line := range slices.Backward(lines) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok := strings.Cut(text, ": "); ok {
				return text
			}
		}
		return line
	}
	return "no reason given"
}

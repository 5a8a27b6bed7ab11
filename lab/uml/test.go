// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package uml

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// Enter has the test that calls it, not a subtest, run in a guest: there it
// returns true. Outside it boots a kernel, runs this same test there, and returns
// false when that has ended; env ("NAME=value") is the guest's beside
// GuestVariable. The subtests in the guest are subtests here.
//
//	func TestKernel(t *testing.T) {
//		if !uml.Enter(t) {
//			return
//		}
//		t.Run("rr", ...)
//	}
func Enter(t *testing.T, env ...string) bool {
	t.Helper()
	if Inside() {
		return true
	}
	Need(t)
	play(t, Build(t, "."), ".", "^"+t.Name()+"$", env).tell(t, t.Name())
	return false
}

// Test builds the tests of a package ("." is the one that asks), boots a kernel,
// and runs those in it whose names match the pattern, in the package's directory,
// with env ("NAME=value") beside GuestVariable. t has their output while they
// write it, and each is a subtest of t: it fails, is skipped, or passes as in the
// guest. t fails, too, if no test matches.
func Test(t *testing.T, pkg, pattern string, env ...string) {
	t.Helper()
	Need(t)
	play(t, Build(t, pkg), pkg, pattern, env).tell(t, "")
}

// play runs the tests in a guest.
func play(t *testing.T, binary, pkg, pattern string, env []string) *results {
	t.Helper()
	limit := within(t, 0)
	r := &results{log: func(line string) { t.Log(line) }, pattern: pattern}
	feed, err := r.decode(t)
	if err != nil {
		t.Fatal(err)
	}
	r.status = Run(t, Program{
		Path: binary,
		// A test that hangs is to say where before the kernel is switched off.
		Args:   []string{"-test.v=test2json", "-test.run=" + pattern, "-test.timeout=" + max(limit-lastTime/2, limit/2).String()},
		Env:    env,
		Dir:    source(t, pkg),
		Within: limit,
		Line:   feed.line,
	})
	if err := feed.close(); err != nil {
		t.Fatalf("reading the guest's output: %v", err)
	}
	return r
}

// event is a line of test2json's (see `go doc test2json`).
type event struct {
	Action, Test, Output string
}

// outcome is how a test in the guest has ended.
type outcome struct {
	name   string // in full
	parent string // likewise; empty: it is no subtest
	action string // pass, skip, fail; empty: it has not ended
	output []string
}

// results are the tests in the guest in the order of their beginning.
type results struct {
	log     func(line string)
	pattern string
	status  int
	tests   []*outcome
}

// feeder takes the guest's lines to test2json.
type feeder struct {
	in   io.WriteCloser
	cmd  *exec.Cmd
	done chan error
}

// decode starts test2json, whose answers become results.
func (r *results) decode(t *testing.T) (*feeder, error) {
	cmd := exec.CommandContext(t.Context(), "go", "tool", "test2json")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting test2json: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting test2json: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting test2json: %w", err)
	}
	f := &feeder{in: in, cmd: cmd, done: make(chan error, 1)}
	go func() {
		d := json.NewDecoder(out)
		for {
			var e event
			if err := d.Decode(&e); err != nil {
				_, _ = io.Copy(io.Discard, out)
				f.done <- err
				return
			}
			r.add(e)
		}
	}()
	t.Cleanup(func() { _ = f.close() })
	return f, nil
}

func (f *feeder) line(line string) { _, _ = io.WriteString(f.in, line+"\n") }

// close waits for all results. It may be called twice.
func (f *feeder) close() error {
	if f.cmd == nil {
		return nil
	}
	_ = f.in.Close()
	err := <-f.done
	end := f.cmd.Wait()
	f.cmd = nil
	if err != io.EOF { //nolint:errorlint // the decoder's own
		return err
	}
	return end
}

// add takes in an event.
func (r *results) add(e event) {
	if e.Output != "" {
		r.log(strings.TrimSuffix(e.Output, "\n"))
	}
	if e.Test == "" { // the binary's own
		return
	}
	o := r.find(e.Test)
	if o == nil {
		o = &outcome{name: e.Test}
		// A subtest's own name may have slashes, too.
		for up := e.Test; o.parent == "" && strings.Contains(up, "/"); {
			up = up[:strings.LastIndex(up, "/")]
			if r.find(up) != nil {
				o.parent = up
			}
		}
		r.tests = append(r.tests, o)
	}
	switch e.Action {
	case "output":
		o.output = append(o.output, e.Output)
	case "pass", "fail", "skip":
		o.action = e.Action
	}
}

func (r *results) find(name string) *outcome {
	for _, o := range r.tests {
		if o.name == name {
			return o
		}
	}
	return nil
}

// tell makes subtests of t, of the test of that name or of all.
func (r *results) tell(t *testing.T, name string) {
	t.Helper()
	switch o := r.find(name); {
	case o != nil:
		r.repeat(t, o)
	case name != "" || len(r.tests) == 0:
		t.Errorf("no test in the guest matches %q", r.pattern)
	default:
		r.below(t, "")
	}
	if r.status != 0 {
		t.Errorf("the tests in the guest failed: exit status %d", r.status)
	}
}

// below makes a subtest of each subtest in the guest.
func (r *results) below(t *testing.T, parent string) {
	for _, o := range r.tests {
		if o.parent == parent {
			t.Run(strings.TrimPrefix(strings.TrimPrefix(o.name, parent), "/"), func(t *testing.T) { r.repeat(t, o) })
		}
	}
}

// repeat has t end as the test in the guest did.
func (r *results) repeat(t *testing.T, o *outcome) {
	t.Helper()
	r.below(t, o.name)
	text := strings.Join(o.output, "")
	switch o.action {
	case "pass":
	case "skip":
		t.Skipf("in the guest: %s", o.reason())
	case "fail":
		t.Errorf("failed in the guest:\n%s", text)
	default:
		t.Errorf("did not end in the guest:\n%s", text)
	}
}

// reason is what the test gave to Skip: the last line that is its own.
func (o *outcome) reason() string {
	reason := "no reason"
	for _, line := range o.output {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			reason = line
		}
	}
	return reason
}

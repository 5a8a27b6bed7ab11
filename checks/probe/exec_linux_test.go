// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/child"
)

func TestExec(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         string
	}{
		{"good", "exit 0", ""},
		{"bad", "echo first; echo connection refused >&2; exit 2", "running /bin/sh: exit code 2: connection refused"},
		{"silent", "exit 1", "running /bin/sh: exit code 1"},
		{"signal", "kill -9 $$", "running /bin/sh: ended by signal 9 (killed)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := New(checks.Exec{Argv: []string{"/bin/sh", "-c", c.script}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			// Each time anew.
			for range 2 {
				want(t, p.Probe(t.Context()), c.want)
			}
		})
	}
}

func TestExecTime(t *testing.T) {
	p, err := New(checks.Exec{Argv: []string{"/bin/sh", "-c", "echo waiting; trap '' TERM; sleep 1000 & sleep 1000"}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = p.Probe(ctx)
	want(t, err, "running /bin/sh: killed after ")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is not the context's error", err)
	}
}

func TestExecRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.Exec
		want string
	}{
		{checks.Exec{}, "making a check of kind exec: no program to run"},
		{checks.Exec{Argv: []string{"true"}}, `program "true": the path must be absolute`},
		{checks.Exec{Argv: []string{"/no/such/file"}}, "program /no/such/file: lstat /no: no such file or directory"},
		{checks.Exec{Argv: []string{"/bin/true"}, User: "no-such-user"}, "program /bin/true: finding the user: user: unknown user no-such-user"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
	_, err := New(checks.Exec{Argv: []string{"/tmp/check"}})
	if !errors.Is(err, child.ErrUnsafe) {
		t.Errorf("got %v, want %v", err, child.ErrUnsafe)
	}
}

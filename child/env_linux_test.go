// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"slices"
	"strings"
	"testing"
)

// TestRunsOwnEnvironment: what one run is given comes before what all have, and
// the next run knows nothing of it.
func TestRunsOwnEnvironment(t *testing.T) {
	p, err := New(Config{Argv: []string{"/usr/bin/env"}, Env: []string{"STATE=none", "NODE=lb-1"}})
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) []string {
		out, err := p.Run(t.Context(), nil, env...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out.Tail))[3:] // after PATH, HOME and LANG
	}
	if got := run("STATE=active", "TERM=7"); !slices.Equal(got, []string{"STATE=active", "NODE=lb-1", "TERM=7"}) {
		t.Errorf("with variables of its own a run has %q", got)
	}
	if got := run(); !slices.Equal(got, []string{"STATE=none", "NODE=lb-1"}) {
		t.Errorf("the next run has %q", got)
	}
}

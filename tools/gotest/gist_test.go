// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
)

// TestGist: what was found wrong is told in few lines, and not what was logged
// after it.
func TestGist(t *testing.T) {
	journal := "    machine.go:103: end of the journal of ip-10:\n" + strings.Repeat("        Nov 23 18:29:38 ip-10 systemd[1]: Started.\n", 60)
	for _, c := range []struct{ name, output, want string }{
		{
			"an error before a journal",
			"=== RUN   TestX\n    x_test.go:12: the plan when lb-2 has taken over: exit status 1\n" + strings.Repeat("        noise\n", 20) +
				"        Error: reading\n" + journal + "--- FAIL: TestX (1.00s)\n",
			"failed: p: TestX\n    x_test.go:12: the plan when lb-2 has taken over: exit status 1\n        noise\n        ...\n" + strings.Repeat("        noise\n", 5) +
				"        Error: reading\n",
		},
		{"an error after it", journal + "    x_test.go:1: late\n", "failed: p: TestX\n    x_test.go:1: late\n"},
		{"a race", "WARNING: DATA RACE\nRead at 0x1\n    testing.go:1617: race detected during execution of test\n", "failed: p: TestX\nWARNING: DATA RACE\n    testing.go:1617: race detected during execution of test\n"},
		{"a long line", "    x_test.go:1: " + strings.Repeat("a", 1000) + "\n", "failed: p: TestX\n    x_test.go:1: " + strings.Repeat("a", 240-17) + "...\n"},
		{"nothing", "--- FAIL: TestX (0.00s)\n", "failed: p: TestX\n"},
	} {
		if got := gist(key{"p", "TestX"}, strings.SplitAfter(c.output, "\n")); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
	if n := strings.Count(gist(key{"p", "TestX"}, []string{strings.Repeat("    x_test.go:1: no\n", 100)}), "\n"); n != mostLines+2 {
		t.Errorf("100 errors are told in %d lines, want %d", n, mostLines+2)
	}
}

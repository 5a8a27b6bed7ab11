// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"runtime"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestAnswer: the standard output is kept apart, from its beginning.
func TestAnswer(t *testing.T) {
	for _, tt := range []struct {
		name, script      string
		answer, tail, err string
		cut               bool
	}{
		{"apart", "echo a; echo b >&2; echo c", "a\nc\n", "b\n", "", false},
		{"nothing", ":", "", "", "", false},
		{"bad", "echo a; echo no >&2; exit 2", "a\n", "no\n", "exit code 2: no", false},
		{"just enough", "printf 0123456789", "0123456789", "", "", false},
		{"too much", "printf 0123456789x; echo y >&2", "0123456789", "y\n", "", true},
		{"a flood", "head -c 10000000 /dev/zero | tr '\\0' z", strings.Repeat("z", 10), "", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, mark := sh(t, tt.script)
			p.cfg.Answer = 10
			out, err := p.Run(t.Context(), nil)
			if got := errText(err); got != tt.err {
				t.Errorf("got error %q, want %q", got, tt.err)
			}
			if string(out.Answer) != tt.answer || out.Cut != tt.cut || string(out.Tail) != tt.tail {
				t.Errorf("got %q (cut: %v) and %q, want %q (%v) and %q", out.Answer, out.Cut, out.Tail, tt.answer, tt.cut, tt.tail)
			}
			if left := marked(t, mark); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
		})
	}
}

// TestAnswerStays: neither files nor goroutines do.
func TestAnswerStays(t *testing.T) {
	p, _ := sh(t, "echo x; echo y >&2")
	p.cfg.Answer = 10
	count := func() [2]int { return [2]int{runtime.NumGoroutine(), entries(t, "/proc/self/fd")} }
	run := func() {
		t.Helper()
		if out, err := p.Run(t.Context(), nil); err != nil || string(out.Answer) != "x\n" {
			t.Fatalf("got %q, %v", out.Answer, err)
		}
	}
	run()
	before := count()
	for range 20 {
		run()
	}
	labtest.Eventually(t, patience, "the goroutines and files of before", func() bool {
		now := count()
		return now[0] <= before[0] && now[1] <= before[1]
	})
}

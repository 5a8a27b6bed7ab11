// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"context"
	"errors"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// TestStuck: Run doesn't wait for what the kernel holds up, nor starts more of
// it. Here that is the start, which the test holds up.
func TestStuck(t *testing.T) {
	p, mark := sh(t, "echo ran")
	run := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := p.Run(ctx, []byte("text"))
		return err
	}
	syscall.ForkLock.Lock()
	first, second := run(), run()
	syscall.ForkLock.Unlock()
	if !errors.Is(first, context.DeadlineExceeded) || !errors.Is(first, ErrStuck) {
		t.Errorf("got %v", first)
	}
	if !errors.Is(second, ErrStuck) || errors.Is(second, context.DeadlineExceeded) {
		t.Errorf("the next run: got %v", second)
	}
	labtest.Eventually(t, patience, "the end of the run that was given up", func() bool { return p.stuck.Load() == 0 })
	if left := marked(t, mark); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	if out, err := p.Run(t.Context(), nil); err != nil || string(out.Tail) != "ran\n" {
		t.Errorf("got %q, %v", out.Tail, err)
	}
}

// groupStats are from /proc/PID/stat, of processes that are in group 12 or not.
var groupStats = []struct {
	stat string
	want bool
}{
	{"7 (sh) S 1 12 7 0 -1", true},
	{"7 (sh) D 1 12", true},
	{"7 (x) S 1 13 (y) R 1 12 7", true},
	{"7 (sh) Z 1 12 7 0 -1", false},
	{"7 (sh) X 1 12 7 0 -1", false},
	{"7 (sh) S 12 1 12 0 -1", false},
	{"7 (sh) S 1 121 7", false},
	{"7 (sh) S 1", false},
	{"7 (sh)", false},
	{"", false},
}

func TestLivesIn(t *testing.T) {
	for _, g := range groupStats {
		if got := livesIn([]byte(g.stat), 12); got != g.want {
			t.Errorf("%q: got %v", g.stat, got)
		}
	}
	// The test's own group, as the kernel shows it.
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(os.Getpid()) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	if !livesIn(stat, syscall.Getpgrp()) || living(syscall.Getpgrp()) == 0 {
		t.Errorf("the test is not in its own group: %s", stat)
	}
}

func FuzzLivesIn(f *testing.F) {
	for _, g := range groupStats {
		f.Add([]byte(g.stat), 12)
	}
	f.Fuzz(func(t *testing.T, stat []byte, group int) {
		if livesIn(stat, group) && livesIn(stat, group+1) {
			t.Errorf("%q is in two groups", stat)
		}
	})
}

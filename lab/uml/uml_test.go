// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package uml_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/uml"
)

// TestRun: what a program writes comes out whole, and its status.
func TestRun(t *testing.T) {
	var lines []string
	status := uml.Run(t, uml.Program{
		Path: "/bin/sh",
		Args: []string{"-c", `seq 1 5000; echo "$1"; printf "no end"; exit 7`, "sh", "it's\ta \"word\""},
		Line: func(line string) { lines = append(lines, line) },
	})
	if status != 7 {
		t.Errorf("status %d, want 7", status)
	}
	if len(lines) != 5002 || !slices.Equal(lines[4998:], []string{"4999", "5000", "it's\ta \"word\"", "no end"}) {
		t.Errorf("%d lines, the last are %q", len(lines), lines[max(0, len(lines)-4):])
	}
}

// TestBroken: what fails in the guest, or instead of it, fails outside, and says
// why.
func TestBroken(t *testing.T) {
	uml.Need(t)
	out, err := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-v", "./testdata/broken").CombinedOutput()
	if err == nil {
		t.Error("broken tests pass")
	}
	for _, want := range []string{
		"--- FAIL: TestFails ", "--- FAIL: TestFails/bad ", "one is not two", "--- PASS: TestFails/good ", "--- SKIP: TestFails/out ", "in the guest: broken_test.go:",
		"--- FAIL: TestPanics ", "assignment to entry in nil map", "exit status 2",
		"--- FAIL: TestKernelPanics ", "the kernel ended before the program did", "Kernel panic",
		"--- FAIL: TestHangs ", "the program has not ended within 1s; its console:",
		"--- FAIL: TestLacksModule ", "the kernel ended before the program began", "no_such_module not found",
		"--- FAIL: TestNoTest ", `no test in the guest matches "^TestNoSuch$"`,
		"--- PASS: TestWell ", "--- PASS: TestWell/TestFails/good ",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in the output", want)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s", out)
	}
}

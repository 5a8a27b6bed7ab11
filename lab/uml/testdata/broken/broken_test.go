// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package broken has tests that fail, each as its name says, and one that does not.
package broken

import (
	"os"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/uml"
)

func TestFails(t *testing.T) {
	t.Parallel()
	if !uml.Enter(t) {
		return
	}
	t.Run("good", func(t *testing.T) { t.Log("this one is well") })
	t.Run("bad", func(t *testing.T) { t.Error("one is not two") })
	t.Run("out", func(t *testing.T) { t.Skip("not today") })
}

func TestPanics(t *testing.T) {
	t.Parallel()
	if !uml.Enter(t) {
		return
	}
	var m map[string]int
	m["x"] = 1
}

func TestKernelPanics(t *testing.T) {
	t.Parallel()
	if !uml.Enter(t) {
		return
	}
	_ = os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0o600)
	select {}
}

func TestHangs(t *testing.T) {
	t.Parallel()
	uml.Run(t, uml.Program{Path: "/bin/sleep", Args: []string{"1000"}, Within: time.Second})
}

func TestLacksModule(t *testing.T) {
	t.Parallel()
	uml.Run(t, uml.Program{Path: "/bin/true", Modules: []string{"no_such_module"}})
}

func TestNoTest(t *testing.T) {
	t.Parallel()
	uml.Test(t, ".", "^TestNoSuch$")
}

func TestWell(t *testing.T) {
	t.Parallel()
	uml.Test(t, ".", "^TestFails$/^good$")
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"os"
	"testing"
)

// memory is a directory that costs no disk, where there is one.
const memory = "/dev/shm"

// TestMain keeps what guards write in memory. They wait for the disk at each new
// term, and the bubbles of the simulations with them: for longer than all else
// takes.
func TestMain(m *testing.M) {
	if _, set := os.LookupEnv("TMPDIR"); !set {
		if dir, err := os.MkdirTemp(memory, "agent"); err == nil {
			_ = os.Remove(dir) // it can be written to
			_ = os.Setenv("TMPDIR", memory)
		}
	}
	os.Exit(m.Run())
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"os"
	"os/exec"
	"testing"

	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

func TestMain(m *testing.M) { os.Exit(vicar.Main(&binary, m.Run)) }

// say runs vicar and returns what it prints.
func say(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, args...).Output()
	if err != nil {
		t.Fatalf("vicar %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

func TestMain(m *testing.M) {
	if uml.Inside() {
		// A probe per millisecond takes a socket each.
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16})
	}
	os.Exit(vicar.Main(&binary, m.Run))
}

// TestKernel runs the package's other tests over IPVS, which this kernel may lack.
func TestKernel(t *testing.T) {
	if uml.Inside() {
		t.Skip("runs on the host")
	}
	uml.Need(t)
	// The guest sees of /tmp what is beside the test's own program.
	seen := filepath.Join(t.TempDir(), "vicar")
	program, err := os.ReadFile(binary)
	labtest.OK(t, err)
	labtest.OK(t, os.WriteFile(seen, program, 0o755))
	uml.Test(t, ".", "^TestPool", vicar.BinaryVariable+"="+seen)
}

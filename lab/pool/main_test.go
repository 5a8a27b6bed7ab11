// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"os"
	"syscall"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/uml"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

func TestMain(m *testing.M) {
	// A probe per millisecond takes a socket each.
	if uml.Inside() {
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
	path, err := vicar.Binary(context.Background(), t.TempDir())
	labtest.OK(t, err)
	uml.Test(t, ".", "^TestPool", vicar.BinaryVariable+"="+path)
}

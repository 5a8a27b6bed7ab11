// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if lab.Permitted() != nil {
		return m.Run() // which skips
	}
	dir, err := os.MkdirTemp("", "cloud-bin")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if binary, err = vicar.Binary(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

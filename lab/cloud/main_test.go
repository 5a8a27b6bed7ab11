// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloud

import (
	"os"
	"testing"

	"github.com/vicar-ha/vicar/lab/vicar"
)

// binary is the path of vicar's binary, set once before the tests.
var binary string

func TestMain(m *testing.M) { os.Exit(vicar.Main(&binary, m.Run)) }

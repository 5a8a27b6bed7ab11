// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"

	"github.com/vicar-ha/vicar/checks"
)

func newTCP(checks.TCP) (checks.Probe, error) { return nil, errors.ErrUnsupported }

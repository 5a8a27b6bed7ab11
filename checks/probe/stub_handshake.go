// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"

	"github.com/vicar-ha/vicar/checks"
)

func newHandshake(checks.Handshake) (checks.Probe, error) { return nil, errors.ErrUnsupported }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"errors"
	"fmt"

	"github.com/vicar-ha/vicar/checks"
)

// bindSocket works on Linux only.
func bindSocket(int, checks.Bind) error {
	return fmt.Errorf("binding to a source, an interface or a mark: %w", errors.ErrUnsupported)
}

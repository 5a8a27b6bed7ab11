// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"context"
	"errors"
	"fmt"
)

// Wake works on Linux only.
func (p *fileProbe) Wake(context.Context, func()) error {
	return fmt.Errorf("watching %s: %w", p.path, errors.ErrUnsupported)
}

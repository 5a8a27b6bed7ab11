// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// ask works on Linux only.
func (p *ping) ask(context.Context, netip.Addr) error {
	return fmt.Errorf("opening an ICMP socket: %w", errors.ErrUnsupported)
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package transport

import (
	"errors"
	"fmt"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Conn works on Linux only.
type Conn struct{}

// Open returns errors.ErrUnsupported.
func Open(cfg Config) (*Conn, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("checking the transport's configuration: %w", err)
	}
	return nil, fmt.Errorf("opening a VRRP socket: %w", errors.ErrUnsupported)
}

// SetVRIDs returns errors.ErrUnsupported.
func (*Conn) SetVRIDs([]uint8) error { return errors.ErrUnsupported }

// Send returns errors.ErrUnsupported.
func (*Conn) Send([]wire.Packet) (int, error) { return 0, errors.ErrUnsupported }

// Receive returns errors.ErrUnsupported.
func (*Conn) Receive([]wire.Packet) (int, error) { return 0, errors.ErrUnsupported }

// Pending is false.
func (*Conn) Pending() bool { return false }

// Close does nothing.
func (*Conn) Close() error { return nil }

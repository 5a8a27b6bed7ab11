// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package child

import (
	"context"
	"errors"
	"fmt"
)

// Program works on Linux only.
type Program struct{}

// New returns errors.ErrUnsupported.
func New(cfg Config) (*Program, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("running programs: %w", errors.ErrUnsupported)
}

// Run returns errors.ErrUnsupported.
func (*Program) Run(context.Context, []byte, ...string) (Output, error) {
	return Output{}, errors.ErrUnsupported
}

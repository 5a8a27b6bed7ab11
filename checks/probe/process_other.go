// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"errors"

	"github.com/vicar-ha/vicar/checks"
)

// processes are known on Linux only.
type processes struct{}

func newProcesses() *processes { return &processes{} }

func newProcess(k checks.Process, _ *processes) (checks.Probe, error) {
	if _, err := newPattern(k); err != nil {
		return nil, err
	}
	return nil, errors.ErrUnsupported
}

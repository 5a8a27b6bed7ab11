// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"

	"github.com/vicar-ha/vicar/control"
)

var errNotWired = errors.New("not wired yet")

// Handover makes a router change hands.
func (*service) Handover(context.Context, control.Handover) (control.HandoverResult, error) {
	return control.HandoverResult{}, errNotWired
}

// Drain takes this node out of the elections, or lets it back in.
func (*service) Drain(context.Context, bool) ([]control.Moved, error) { return nil, errNotWired }

// Forget tells the guard that a node is gone for good.
func (*service) Forget(context.Context, string) error { return errNotWired }

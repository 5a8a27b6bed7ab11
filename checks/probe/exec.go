// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/child"
)

// execGrace is how long a program may go on when its time is over, to clean up.
const execGrace = 200 * time.Millisecond

// execProbe runs a program. What it wrote last is the cause if it fails.
type execProbe struct {
	path    string
	program *child.Program
}

func newExec(k checks.Exec) (checks.Probe, error) {
	p, err := child.New(child.Config{Argv: k.Argv, User: k.User, Grace: execGrace})
	if err != nil {
		return nil, err
	}
	return &execProbe{k.Argv[0], p}, nil
}

// Probe runs the program once. It returns when all that was started is dead,
// which may be execGrace after the end of ctx and a little more.
func (p *execProbe) Probe(ctx context.Context) error {
	if _, err := p.program.Run(ctx, nil); err != nil {
		return fmt.Errorf("running %s: %w", p.path, err)
	}
	return nil
}

// Close does nothing.
func (*execProbe) Close() error { return nil }

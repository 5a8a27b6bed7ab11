// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/child"
	"github.com/vicar-ha/vicar/track"
)

// execGrace is how long a program may go on when its time is over, to clean up.
const execGrace = 200 * time.Millisecond

// execProbe runs a program. What it wrote last is the cause if it fails.
type execProbe struct {
	path    string
	program *child.Program
	dynamic bool
	load    track.Load // the last look's, if dynamic
}

func newExec(k checks.Exec) (checks.Probe, error) {
	p, err := child.New(child.Config{Argv: k.Argv, User: k.User, Grace: execGrace})
	if err != nil {
		return nil, err
	}
	return &execProbe{path: k.Argv[0], program: p, dynamic: k.Dynamic}, nil
}

// Probe runs the program once. It returns when all that was started is dead,
// which may be execGrace after the end of ctx and a little more.
func (p *execProbe) Probe(ctx context.Context) error {
	_, err := p.program.Run(ctx, nil)
	if p.dynamic {
		p.load, err = byCode(err)
	}
	if err != nil {
		return fmt.Errorf("running %s: %w", p.path, err)
	}
	return nil
}

// byCode is the weight of a program's end, by keepalived's rule: the code less 2.
func byCode(err error) (track.Load, error) {
	if err == nil {
		return full, nil
	}
	if e, ok := errors.AsType[*child.ExitError](err); ok && e.Code >= 2 {
		return track.Load{Value: e.Code - 2}, nil
	}
	return track.Load{}, err
}

// Weight implements checks.Weigher.
func (p *execProbe) Weight() *track.Load {
	if !p.dynamic {
		return nil
	}
	return new(p.load)
}

// Close does nothing.
func (*execProbe) Close() error { return nil }

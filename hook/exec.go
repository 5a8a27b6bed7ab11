// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"

	"github.com/vicar-ha/vicar/child"
)

// program tells by running one. The end of what it writes is shown if it fails.
type program struct{ program *child.Program }

func newExec(h Hook) (*program, error) {
	p, err := child.New(child.Config{Argv: h.Exec, User: h.User})
	if err != nil {
		return nil, err
	}
	return &program{p}, nil
}

func (p *program) run(ctx context.Context, m message) error {
	_, err := p.program.Run(ctx, m.doc, m.env...)
	return err
}

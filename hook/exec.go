// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"

	"github.com/vicar-ha/vicar/child"
)

// program tells by running one. What it writes is shown if it fails.
type program struct{ cfg child.Config }

func newExec(h Hook) (*program, error) {
	cfg := child.Config{Argv: h.Exec, User: h.User}
	if _, err := child.New(cfg); err != nil {
		return nil, err
	}
	return &program{cfg}, nil
}

func (p *program) run(ctx context.Context, m message) error {
	cfg := p.cfg
	cfg.Env = m.env
	c, err := child.New(cfg)
	if err != nil {
		return err
	}
	_, err = c.Run(ctx, m.doc)
	return err
}

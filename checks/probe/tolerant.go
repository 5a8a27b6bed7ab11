// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// Tolerant is New for the start of the agent, when what a probe needs of the
// host (a program, a user, the file of a certificate) may be missing. Then its
// looks fail with New's error, and each begins by trying to make it again. The
// error of Tolerant itself is a kind that no host has a probe for.
func (m *Maker) Tolerant(k checks.Kind) (checks.Probe, error) {
	p, err := m.New(k)
	switch {
	case err == nil:
		return p, nil
	case errors.Is(err, errNoProbe):
		return nil, err
	}
	return &pending{create: func() (checks.Probe, error) { return m.New(k) }, made: make(chan struct{})}, nil
}

// pending is a probe that could not be made yet.
type pending struct {
	create func() (checks.Probe, error)
	probe  checks.Probe  // nil until it is made
	made   chan struct{} // closed when it is
}

var (
	_ checks.Waker   = (*pending)(nil)
	_ checks.Weigher = (*pending)(nil)
)

// Probe implements checks.Probe.
func (p *pending) Probe(ctx context.Context) error {
	if p.probe == nil {
		probe, err := p.create()
		if err != nil {
			return err
		}
		p.probe = probe
		close(p.made)
	}
	return p.probe.Probe(ctx)
}

// Wake implements checks.Waker, once there is a probe to do it.
func (p *pending) Wake(ctx context.Context, look func()) error {
	select {
	case <-ctx.Done():
		return nil
	case <-p.made:
	}
	if w, ok := p.probe.(checks.Waker); ok {
		return w.Wake(ctx, look)
	}
	return nil
}

// Weight implements checks.Weigher, if the probe does.
func (p *pending) Weight() *track.Load {
	if w, ok := p.probe.(checks.Weigher); ok {
		return w.Weight()
	}
	return nil
}

// Close implements checks.Probe.
func (p *pending) Close() error {
	if p.probe == nil {
		return nil
	}
	return p.probe.Close()
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vicar-ha/vicar/checks"
)

var (
	errNoInterface  = errors.New("does not exist")
	errDown         = errors.New("is down")
	errNoCarrier    = errors.New("has no carrier")
	errUnknownSpeed = errors.New("does not tell its speed")
)

// interfaceProbe looks at an interface of the process's network namespace.
type interfaceProbe struct {
	name    string
	address netip.Addr // or invalid
	speed   int        // Mbit/s, or 0
}

func newInterface(k checks.Interface) (checks.Probe, error) {
	if k.Name == "" {
		return nil, errors.New("an interface without a name")
	}
	if k.Speed < 0 {
		return nil, fmt.Errorf("speed %d Mbit/s: want 0 or more", k.Speed)
	}
	return &interfaceProbe{name: k.Name, address: k.Address.Unmap().WithZone(""), speed: k.Speed}, nil
}

// Probe implements checks.Probe.
func (p *interfaceProbe) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return cause(ctx, err)
	}
	if err := p.look(); err != nil {
		return fmt.Errorf("interface %s %w", p.name, err)
	}
	return nil
}

// look looks once. Its errors go on where "interface eth0" ends.
func (p *interfaceProbe) look() error {
	l, err := readLink(p.name)
	switch {
	case err != nil:
		return err
	case !l.up:
		return errDown
	case !l.running:
		return errNoCarrier
	}
	if p.address.IsValid() {
		if err := hasAddress(p.name, p.address); err != nil {
			return err
		}
	}
	if p.speed == 0 {
		return nil
	}
	speed, err := readSpeed(p.name)
	if err != nil {
		return err
	}
	if speed < p.speed {
		return fmt.Errorf("runs at %d Mbit/s, less than %d", speed, p.speed)
	}
	return nil
}

// linkState is what an interface is like.
type linkState struct {
	up      bool // by the administrator
	running bool // it has a carrier and may be used
}

// addressError is an address that an interface doesn't have or can't use.
type addressError struct {
	address netip.Addr
	why     string // "", or what is the matter with it
}

func (e *addressError) Error() string {
	if e.why == "" {
		return "does not have " + e.address.String()
	}
	return "has " + e.address.String() + ", but " + e.why
}

// Close implements checks.Probe.
func (p *interfaceProbe) Close() error { return nil }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// find finds an interface by name.
func find(name string) (net.Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return net.Interface{}, fmt.Errorf("can't be looked for: %w", err)
	}
	for _, i := range list {
		if i.Name == name {
			return i, nil
		}
	}
	return net.Interface{}, errNoInterface
}

func readLink(name string) (linkState, error) {
	i, err := find(name)
	return linkState{up: i.Flags&net.FlagUp != 0, running: i.Flags&net.FlagRunning != 0}, err
}

func hasAddress(name string, a netip.Addr) error {
	i, err := find(name)
	if err != nil {
		return err
	}
	list, err := i.Addrs()
	if err != nil {
		return fmt.Errorf("can't be asked for its addresses: %w", err)
	}
	for _, have := range list {
		if p, err := netip.ParsePrefix(have.String()); err == nil && p.Addr().Unmap() == a {
			return nil
		}
	}
	return &addressError{address: a}
}

// readSpeed works on Linux only.
func readSpeed(string) (int, error) { return 0, errUnknownSpeed }

// Wake works on Linux only.
func (p *interfaceProbe) Wake(context.Context, func()) error {
	return fmt.Errorf("watching interface %s: %w", p.name, errors.ErrUnsupported)
}

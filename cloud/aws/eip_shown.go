// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/cloud"
)

// Reflected asks the metadata service which Elastic IPs the interface has. That
// shows their addresses, and which private address each belongs to, and no
// allocations: an object is shown by its address, which is the Elastic IP itself, or
// a private address of the interface that has one. An Elastic IP that is with the
// interface's primary address, and goes by another, can't be told.
func (p *EIP) Reflected(ctx context.Context, objects []cloud.Object) ([]bool, error) {
	n, err := p.s.find(ctx, p.at)
	if err != nil {
		return nil, err
	}
	private, err := p.s.meta.addresses(ctx, n.mac)
	if err != nil {
		return nil, err
	}
	with, err := p.s.meta.associated(ctx, n.mac)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(objects))
	for i, o := range objects {
		has[i] = slices.Contains(with, o.Address)
		if !has[i] && !p.follower(o) && !slices.Contains(private, o.Address) {
			return nil, &cloud.Error{
				Kind: cloud.NotFound, Action: "imds:GetMetadata", Object: o.ID,
				Err: fmt.Errorf("%s is neither a public nor a private address of %s", o.Address, n.id),
			}
		}
	}
	return has, nil
}

// associated are the Elastic IPs that are shown now on an interface, and the private
// addresses that they belong to.
func (m *metadata) associated(ctx context.Context, mac string) ([]netip.Addr, error) {
	at := "network/interfaces/macs/" + mac + "/ipv4-associations/"
	found, err := m.words(ctx, at)
	for _, public := range slices.Clone(found) {
		if err != nil {
			break
		}
		var with []string
		with, err = m.words(ctx, at+public)
		found = append(found, with...)
	}
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, word := range found {
		if a, err := netip.ParseAddr(word); err == nil {
			all = append(all, a)
		}
	}
	return all, nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/vicar-ha/vicar/cloud"
)

// toTake tells which Elastic IPs are here, and which are to be taken. The error is
// of those that can't be.
func (p *EIP) toTake(ctx context.Context, objects []cloud.Object, eni string, how cloud.Taking) (here, take []cloud.Object, err error) {
	var followers, others []cloud.Object
	for _, o := range objects {
		if p.follower(o) {
			followers = append(followers, o)
		} else {
			others = append(others, o)
		}
	}
	errs := make([]error, 2)
	if len(followers) > 0 {
		here, take, errs[0] = p.followed(ctx, followers, eni)
	}
	if len(others) > 0 && (!how.Steal || p.mayHave(others)) {
		var present []cloud.Object
		present, others, errs[1] = p.away(ctx, others, how)
		here = append(here, present...)
	}
	return here, append(take, others...), together(errs)
}

func (p *EIP) follower(o cloud.Object) bool { return slices.Contains(p.follows, o.Address) }

// followed tells which Elastic IPs are with their addresses on this node's
// interface. Those whose address is here without them are to be taken; the error
// is of those whose address is not here.
func (p *EIP) followed(ctx context.Context, objects []cloud.Object, eni string) (here, take []cloud.Object, err error) {
	found, err := p.interfaces(ctx, about(objects), filter("network-interface-id", eni))
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, o := range objects {
		has, with := false, ""
		for _, n := range found {
			for _, a := range n.PrivateIpAddresses {
				if parse(a.PrivateIpAddress) != o.Address {
					continue
				}
				has = true
				if a.Association != nil {
					with = sdk.ToString(a.Association.AllocationId)
				}
			}
		}
		switch {
		case with == allocation(o):
			here = append(here, o)
		case has:
			take = append(take, o)
		default:
			errs = append(errs, &cloud.Error{
				Kind: cloud.Conflict, Action: associate, Object: o.ID, Err: fmt.Errorf("its private address is not on %s", eni),
			})
		}
	}
	return here, take, together(errs)
}

// away tells which Elastic IPs are not here. Without Steal those that are
// elsewhere are the error.
func (p *EIP) away(ctx context.Context, objects []cloud.Object, how cloud.Taking) (here, take []cloud.Object, err error) {
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, o := range seen {
		switch {
		case o.Mine:
			here = append(here, o.Object)
		case o.Holder != "" && !how.Steal:
			errs = append(errs, conflict(o, associate))
		default:
			take = append(take, o.Object)
		}
	}
	return here, take, together(errs)
}

// targets are the private addresses that Elastic IPs are associated with; none is
// the interface's primary one, which has room for one.
func (p *EIP) targets(ctx context.Context, objects []cloud.Object) (map[netip.Addr]*string, error) {
	with := map[netip.Addr]*string{}
	if len(objects) == 0 {
		return with, nil
	}
	shown, err := p.shown(ctx)
	if err != nil {
		return nil, err
	}
	primary := 0
	for _, o := range objects {
		if p.follower(o) || slices.Contains(shown, o.Address) {
			with[o.Address] = sdk.String(o.Address.String())
		} else {
			primary++
		}
	}
	if primary > 1 {
		return nil, &cloud.Error{
			Kind: cloud.Invalid, Action: associate, Object: about(objects),
			Err: errors.New("the interface has none of the private addresses, and its primary address has room for one Elastic IP"),
		}
	}
	return with, nil
}

// shown are the addresses that this node's interface is known to have: by the
// metadata service, or else by EC2.
func (p *EIP) shown(ctx context.Context) ([]netip.Addr, error) {
	if n, ok := p.s.local(p.at); ok {
		return n.addresses, nil
	}
	eni, err := p.eni(ctx)
	if err != nil {
		return nil, err
	}
	found, err := p.interfaces(ctx, eni, filter("network-interface-id", eni))
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	for _, n := range found {
		for _, a := range n.PrivateIpAddresses {
			all = append(all, parse(a.PrivateIpAddress))
		}
	}
	return all, nil
}

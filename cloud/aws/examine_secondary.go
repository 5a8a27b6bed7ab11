// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// Examine satisfies cloud.Examiner.
func (p *Secondary) Examine(ctx context.Context, objects []cloud.Object) []cloud.Finding {
	found, usable := p.basics(ctx, false)
	if !usable {
		return found
	}
	n, f := p.nic(ctx)
	found = append(found, f)
	if n == nil {
		return found
	}
	found = append(found, p.tagged(n)...)
	found = append(found, p.inside(objects), p.primary(ctx, objects), p.room(ctx, n, objects))
	v4, v6 := families(objects)
	if len(v4) > 0 {
		found = append(found, p.s.known(assignIPv4))
	}
	if len(v6) > 0 {
		found = append(found, p.s.known(assignIPv6), p.s.known(unassignIPv6))
	}
	return found
}

// inside looks whether this node's subnet has the addresses: they move between
// interfaces of one subnet.
func (p *Secondary) inside(objects []cloud.Object) cloud.Finding {
	what := "the addresses' subnet"
	n, ok := p.s.local(p.at)
	if !ok || len(n.subnets) == 0 {
		return good(what) // not known to be wrong
	}
	for _, o := range objects {
		if !slices.ContainsFunc(n.subnets, func(s netip.Prefix) bool { return s.Contains(o.Address) }) {
			return cloud.Finding{
				What: what, Problem: fmt.Sprintf("%s is not in %s, which has %s", o.Address, n.subnet, listed(n.subnets)),
				Remedy: "take an address of the subnet that all nodes are in; between subnets addresses move by aws-route",
			}
		}
	}
	return good(what)
}

// primary looks whether an address is the primary one of an interface, which
// can't be taken from it.
func (p *Secondary) primary(ctx context.Context, objects []cloud.Object) cloud.Finding {
	const what = "the addresses are secondary ones"
	v4, _ := families(objects)
	for some := range slices.Chunk(v4, perQuery) {
		filters := []types.Filter{filter("addresses.private-ip-address", texts(some)...)}
		if n, ok := p.s.local(p.at); ok {
			filters = append(filters, filter("vpc-id", n.vpc))
		}
		found, err := p.interfaces(ctx, about(some), filters...)
		if err != nil {
			return trouble(what, err)
		}
		for _, n := range found {
			for _, o := range some {
				if _, primary := carries(n, o.Address); primary {
					return cloud.Finding{
						What: what, Problem: fmt.Sprintf("%s is the primary address of %s", o.Address, sdk.ToString(n.NetworkInterfaceId)),
						Remedy: "take an address that no interface has as its primary one",
					}
				}
			}
		}
	}
	return good(what)
}

// limits are how many addresses of each family an interface may have.
type limits struct{ v4, v6 int }

// room looks whether the interface has room for the addresses.
func (p *Secondary) room(ctx context.Context, n *types.NetworkInterface, objects []cloud.Object) cloud.Finding {
	what := "room for the addresses on " + sdk.ToString(n.NetworkInterfaceId)
	self := p.s.self.Load()
	if self == nil {
		return good(what)
	}
	most, err := p.limits(ctx, self.kind)
	if err != nil {
		return trouble(what, err)
	}
	want4, want6 := 0, 0
	for _, o := range objects {
		if has, _ := carries(*n, o.Address); has {
			continue
		}
		if o.Address.Is4() {
			want4++
		} else {
			want6++
		}
	}
	// A delegated prefix takes the place of an address.
	have4 := len(n.PrivateIpAddresses) + len(n.Ipv4Prefixes)
	have6 := len(n.Ipv6Addresses) + len(n.Ipv6Prefixes)
	if want4 > 0 && have4+want4 > most.v4 || want6 > 0 && have6+want6 > most.v6 {
		return cloud.Finding{
			What: what,
			Problem: fmt.Sprintf("it has %d IPv4 and %d IPv6 addresses and prefixes, %d and %d are to come, and a %s has room for %d and %d",
				have4, have6, want4, want6, self.kind, most.v4, most.v6),
			Remedy: "take away addresses, or take a larger type of instance",
		}
	}
	return good(what)
}

// limits are a type's. They don't change.
func (p *Secondary) limits(ctx context.Context, kind string) (limits, error) {
	if l, ok := p.s.sizes.Load(kind); ok {
		if l, ok := l.(limits); ok {
			return l, nil
		}
	}
	c, err := p.s.ready(ctx)
	if err != nil {
		return limits{}, err
	}
	out, err := read(p.means, describeTypes, kind, func() (*ec2.DescribeInstanceTypesOutput, error) {
		return c.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{types.InstanceType(kind)}})
	})
	if err != nil {
		return limits{}, err
	}
	if len(out.InstanceTypes) == 0 || out.InstanceTypes[0].NetworkInfo == nil {
		return limits{}, &cloud.Error{Kind: cloud.NotFound, Action: describeTypes, Object: kind, Err: fmt.Errorf("EC2 does not say what it has room for")}
	}
	info := out.InstanceTypes[0].NetworkInfo
	l := limits{v4: int(sdk.ToInt32(info.Ipv4AddressesPerInterface)), v6: int(sdk.ToInt32(info.Ipv6AddressesPerInterface))}
	p.s.sizes.Store(kind, l)
	return l, nil
}

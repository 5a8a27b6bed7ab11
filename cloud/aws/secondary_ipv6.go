// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/vicar-ha/vicar/cloud"
)

// take6 has a gap: what is taken is nobody's for as long as two requests take.
func (p *Secondary) take6(ctx context.Context, objects []cloud.Object, eni string, how cloud.Taking) ([]cloud.Object, error) {
	c, err := p.s.ready(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return nil, err
	}
	if how.Steal {
		if err := p.unassign6(ctx, c, seen, func(holder string) bool { return holder != eni }, how); err != nil {
			return nil, err
		}
	}
	var missing []string
	for _, o := range seen {
		if !o.Mine {
			missing = append(missing, o.Address.String())
		}
	}
	if len(missing) == 0 {
		return objects, nil
	}
	_, err = write(ctx, p.means, how, assignIPv6, about(objects), func() (*ec2.AssignIpv6AddressesOutput, error) {
		return c.ec2.AssignIpv6Addresses(ctx, &ec2.AssignIpv6AddressesInput{NetworkInterfaceId: &eni, Ipv6Addresses: missing})
	})
	return p.explained(ctx, objects, how, err)
}

// unassign6 takes IPv6 addresses from the holders that are meant. That one is not
// there any more is no error.
func (p *Secondary) unassign6(ctx context.Context, c *clients, seen []cloud.Ownership, meant func(holder string) bool, how cloud.Taking) error {
	from := map[string][]cloud.Object{}
	for _, o := range seen {
		if !o.Address.Is4() && o.Holder != "" && meant(o.Holder) {
			from[o.Holder] = append(from[o.Holder], o.Object)
		}
	}
	for holder, objects := range from {
		_, err := write(ctx, p.means, how, unassignIPv6, about(objects), func() (*ec2.UnassignIpv6AddressesOutput, error) {
			return c.ec2.UnassignIpv6Addresses(ctx, &ec2.UnassignIpv6AddressesInput{
				NetworkInterfaceId: &holder, Ipv6Addresses: texts(objects),
			})
		})
		if k := cloud.KindOf(err); err != nil && k != cloud.Invalid && k != cloud.NotFound {
			return err
		}
	}
	return nil
}

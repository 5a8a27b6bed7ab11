// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"net/netip"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// Examine satisfies cloud.Examiner.
func (p *EIP) Examine(ctx context.Context, objects []cloud.Object) []cloud.Finding {
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
	there, err := p.describe(ctx, objects)
	if err != nil {
		return append(found, trouble("Elastic IPs", err))
	}
	c, err := p.s.ready(ctx)
	if err != nil {
		return append(found, trouble("EC2", err))
	}
	var asks []func() cloud.Finding
	for _, o := range objects {
		id := allocation(o)
		a, ok := there[id]
		if !ok {
			found = append(found, cloud.Finding{What: "Elastic IP " + id, Problem: "EC2 does not show it", Remedy: "correct its allocation id, or the region"})
			continue
		}
		f := p.same(n, o, parse(a.PublicIp))
		if found = append(found, f); !f.OK {
			continue
		}
		asks = append(asks, func() cloud.Finding {
			return p.dry(associate, id, o.ID, func() error {
				_, err := c.ec2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
					AllocationId: &id, NetworkInterfaceId: n.NetworkInterfaceId, AllowReassociation: sdk.Bool(true), DryRun: sdk.Bool(true),
				})
				return err
			})
		})
	}
	return append(found, permitted(asks)...)
}

// same looks whether the Elastic IP is the one that is meant, which can be known where
// the router's address is the Elastic IP itself.
func (p *EIP) same(n *types.NetworkInterface, o cloud.Object, public netip.Addr) cloud.Finding {
	f := good("Elastic IP " + allocation(o))
	if public.IsValid() {
		f.What += " (" + public.String() + ")"
	}
	if has, _ := carries(*n, o.Address); has || p.follower(o) || o.Address.IsPrivate() || !public.IsValid() || public == o.Address {
		return f
	}
	f.OK = false
	f.Problem = fmt.Sprintf("it is %s, and the router's address is %s", public, o.Address)
	f.Remedy = "correct the id in aws.allocations, or the address"
	return f
}

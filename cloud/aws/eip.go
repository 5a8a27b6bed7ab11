// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// EIPConfig says which Elastic IPs there are.
type EIPConfig struct {
	Interface Interface // this node's
	// Allocations are the Elastic IPs (eipalloc-...) by the private address that each
	// belongs to.
	Allocations map[netip.Addr]string
	// Follows are the private addresses that move by a Secondary, which is asked
	// before. Their Elastic IPs move with them, and are associated only where they are
	// not. The others are associated with the private address if this node's interface
	// has it, and with the interface's primary address if not.
	Follows []netip.Addr
}

// EIP moves Elastic IPs.
type EIP struct {
	*means
	allocations map[netip.Addr]string
	follows     []netip.Addr

	lock sync.Mutex
	own  map[string]string // associations that are this node's, by allocation
}

var (
	_ cloud.Provider  = (*EIP)(nil)
	_ cloud.Reflector = (*EIP)(nil)
	_ cloud.Examiner  = (*EIP)(nil)
	_ cloud.Counter   = (*EIP)(nil)
)

// NewEIP checks cfg, and asks nobody.
func NewEIP(s *Session, cfg EIPConfig) (*EIP, error) {
	m, err := newMeans(s, cfg.Interface)
	if err != nil {
		return nil, err
	}
	return &EIP{means: m, allocations: maps.Clone(cfg.Allocations), follows: slices.Clone(cfg.Follows), own: map[string]string{}}, nil
}

// Kind satisfies cloud.Provider.
func (*EIP) Kind() string { return "aws-eip" }

// Objects are the associations of the addresses' Elastic IPs.
func (p *EIP) Objects(addresses []netip.Prefix) ([]cloud.Object, error) {
	var all []cloud.Object
	for _, a := range addresses {
		id, ok := p.allocations[a.Addr()]
		if !ok {
			return nil, &cloud.Error{
				Kind: cloud.Invalid, Action: associate, Object: a.Addr().String(),
				Err: errors.New("no Elastic IP belongs to this address"),
			}
		}
		all = append(all, cloud.Object{ID: id + " " + a.Addr().String(), Address: a.Addr()})
	}
	return all, nil
}

func allocation(o cloud.Object) string {
	id, _, _ := strings.Cut(o.ID, " ")
	return id
}

// Observe asks where the Elastic IPs are.
func (p *EIP) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	eni, err := p.eni(ctx)
	if err != nil {
		return nil, err
	}
	found, err := p.describe(ctx, objects)
	if err != nil {
		return nil, err
	}
	seen := make([]cloud.Ownership, len(objects))
	for i, o := range objects {
		seen[i].Object = o
		a, ok := found[allocation(o)]
		if !ok || sdk.ToString(a.AssociationId) == "" {
			p.forget(o)
			continue
		}
		seen[i].Holder = sdk.ToString(a.NetworkInterfaceId)
		if seen[i].Holder == "" {
			seen[i].Holder = sdk.ToString(a.InstanceId)
		}
		// Where it follows its address, it must be with that one.
		seen[i].Mine = seen[i].Holder == eni && (!p.follower(o) || parse(a.PrivateIpAddress) == o.Address)
		if seen[i].Mine {
			p.remember(o, *a.AssociationId)
		} else {
			p.forget(o)
		}
	}
	return seen, nil
}

// describe are the Elastic IPs by allocation. EC2 gives them in one page.
func (p *EIP) describe(ctx context.Context, objects []cloud.Object) (map[string]types.Address, error) {
	c, err := p.s.ready(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]types.Address{}
	for some := range slices.Chunk(objects, perQuery) {
		var ids []string
		for _, o := range some {
			ids = append(ids, allocation(o))
		}
		out, err := read(p.means, describeAddresses, about(some), func() (*ec2.DescribeAddressesOutput, error) {
			return c.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: []types.Filter{filter("allocation-id", ids...)}})
		})
		if err != nil {
			return nil, err
		}
		for _, a := range out.Addresses {
			found[sdk.ToString(a.AllocationId)] = a
		}
	}
	return found, nil
}

// Take associates Elastic IPs with this node's interface, without disassociating
// them first. Associating one again costs money and a gap, so it looks first
// where it may be this node's already.
func (p *EIP) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	c, err := p.s.ready(ctx)
	if err != nil {
		return err
	}
	eni, err := p.eni(ctx)
	if err != nil {
		return err
	}
	here, take, err := p.toTake(ctx, objects, eni, how)
	with, unknown := p.targets(ctx, take)
	made, failed := each(take, func(o cloud.Object) error {
		if unknown != nil {
			return unknown
		}
		return p.associate(ctx, c, o, eni, with[o.Address], how)
	})
	return outcome(append(here, made...), together([]error{err, failed}))
}

func (p *EIP) associate(ctx context.Context, c *clients, o cloud.Object, eni string, with *string, how cloud.Taking) error {
	out, err := write(ctx, p.means, how, associate, o.ID, func() (*ec2.AssociateAddressOutput, error) {
		return c.ec2.AssociateAddress(ctx, &ec2.AssociateAddressInput{
			AllocationId: sdk.String(allocation(o)), NetworkInterfaceId: &eni, PrivateIpAddress: with,
			AllowReassociation: sdk.Bool(how.Steal),
		})
	})
	if err == nil {
		p.remember(o, sdk.ToString(out.AssociationId))
	}
	return err
}

// Yield disassociates by the association's id, which ends when another takes the
// Elastic IP: what is another's is not touched. Where it follows its address
// nothing is to be done.
func (p *EIP) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	objects = slices.DeleteFunc(slices.Clone(objects), p.follower)
	if len(objects) == 0 {
		return nil
	}
	c, err := p.s.ready(ctx)
	if err != nil {
		return err
	}
	if _, err := p.Observe(ctx, objects); err != nil {
		return err
	}
	objects = slices.DeleteFunc(objects, func(o cloud.Object) bool { return p.association(o) == "" })
	return outcome(each(objects, func(o cloud.Object) error {
		id := p.association(o)
		_, err := write(ctx, p.means, how, disassociate, o.ID, func() (*ec2.DisassociateAddressOutput, error) {
			return c.ec2.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: &id})
		})
		if err == nil || cloud.KindOf(err) == cloud.NotFound {
			p.forget(o)
			return nil
		}
		return err
	}))
}

func (p *EIP) association(o cloud.Object) string {
	p.lock.Lock()
	defer p.lock.Unlock()
	return p.own[allocation(o)]
}

func (p *EIP) mayHave(objects []cloud.Object) bool {
	return slices.ContainsFunc(objects, func(o cloud.Object) bool { return p.association(o) != "" })
}

func (p *EIP) remember(o cloud.Object, id string) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.own[allocation(o)] = id
}

func (p *EIP) forget(o cloud.Object) {
	p.lock.Lock()
	defer p.lock.Unlock()
	delete(p.own, allocation(o))
}

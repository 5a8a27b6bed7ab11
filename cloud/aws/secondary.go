// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// SecondaryConfig says how secondary private addresses move.
type SecondaryConfig struct {
	Interface Interface // this node's, where the addresses go
	// IPv6 lets IPv6 addresses move too. EC2 has no request that moves one: it is
	// unassigned from the former holder's interface and assigned to this one's, with
	// a gap between, in which nobody has it.
	IPv6 bool
}

// Secondary moves addresses of a subnet between the interfaces of nodes in it. An
// Elastic IP that is associated with an address goes with it.
type Secondary struct {
	*means
	ipv6 bool
}

var (
	_ cloud.Provider  = (*Secondary)(nil)
	_ cloud.Reflector = (*Secondary)(nil)
	_ cloud.Examiner  = (*Secondary)(nil)
	_ cloud.Counter   = (*Secondary)(nil)
)

// NewSecondary checks cfg, and asks nobody.
func NewSecondary(s *Session, cfg SecondaryConfig) (*Secondary, error) {
	m, err := newMeans(s, cfg.Interface)
	if err != nil {
		return nil, err
	}
	return &Secondary{means: m, ipv6: cfg.IPv6}, nil
}

// Kind satisfies cloud.Provider.
func (*Secondary) Kind() string { return "aws-secondary-ip" }

// Objects are the addresses themselves.
func (p *Secondary) Objects(addresses []netip.Prefix) ([]cloud.Object, error) {
	var all []cloud.Object
	for _, a := range addresses {
		if !a.Addr().Is4() && !p.ipv6 {
			return nil, &cloud.Error{
				Kind: cloud.Invalid, Action: assignIPv6, Object: a.Addr().String(),
				Err: errors.New("an IPv6 address moves by aws-route, or where the configuration lets it be unassigned first"),
			}
		}
		all = append(all, cloud.Object{ID: a.Addr().String(), Address: a.Addr()})
	}
	return all, nil
}

// Observe asks which interfaces of this machine's subnet have the addresses.
func (p *Secondary) Observe(ctx context.Context, objects []cloud.Object) ([]cloud.Ownership, error) {
	eni, err := p.eni(ctx)
	if err != nil {
		return nil, err
	}
	seen := make([]cloud.Ownership, len(objects))
	for i, o := range objects {
		seen[i].Object = o
	}
	v4, v6 := families(objects)
	for some := range slices.Chunk(v4, perQuery) {
		err = errors.Join(err, p.holders(ctx, "addresses.private-ip-address", some, eni, seen))
	}
	for some := range slices.Chunk(v6, perQuery) {
		err = errors.Join(err, p.holders(ctx, "ipv6-addresses.ipv6-address", some, eni, seen))
	}
	if err != nil {
		return nil, err
	}
	return seen, nil
}

// holders fills in who has the objects of one family.
func (p *Secondary) holders(ctx context.Context, name string, objects []cloud.Object, eni string, seen []cloud.Ownership) error {
	filters := []types.Filter{filter(name, texts(objects)...)}
	// Other VPCs may have the same private addresses.
	if n, ok := p.s.local(p.at); ok {
		filters = append(filters, filter("vpc-id", n.vpc))
	}
	found, err := p.interfaces(ctx, about(objects), filters...)
	if err != nil {
		return err
	}
	for _, n := range found {
		id := sdk.ToString(n.NetworkInterfaceId)
		for i := range seen {
			has, primary := carries(n, seen[i].Address)
			switch {
			case !has || seen[i].Mine:
			case primary && id == eni:
				return &cloud.Error{
					Kind: cloud.Invalid, Action: describeInterfaces, Object: seen[i].ID,
					Err: fmt.Errorf("it is the primary address of %s, which does not move", id),
				}
			default:
				seen[i].Holder, seen[i].Mine = id, id == eni
			}
		}
	}
	return nil
}

// carries tells whether an interface has an address, and as its primary one.
func carries(n types.NetworkInterface, a netip.Addr) (has, primary bool) {
	for _, own := range n.PrivateIpAddresses {
		if parse(own.PrivateIpAddress) == a {
			return true, sdk.ToBool(own.Primary)
		}
	}
	for _, own := range n.Ipv6Addresses {
		if parse(own.Ipv6Address) == a {
			return true, sdk.ToBool(own.IsPrimaryIpv6)
		}
	}
	return false, false
}

func families(objects []cloud.Object) (v4, v6 []cloud.Object) {
	for _, o := range objects {
		if o.Address.Is4() {
			v4 = append(v4, o)
		} else {
			v6 = append(v6, o)
		}
	}
	return v4, v6
}

// Take assigns all IPv4 addresses in one request, and the IPv6 ones beside it.
func (p *Secondary) Take(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	eni, err := p.eni(ctx)
	if err != nil {
		return err
	}
	var done []cloud.Object
	if !how.Steal {
		if done, objects, err = p.free(ctx, objects); len(objects) == 0 {
			return outcome(done, err)
		}
	}
	v4, v6 := families(objects)
	var (
		work   sync.WaitGroup
		done6  []cloud.Object
		failed = []error{err, nil, nil}
	)
	if len(v6) > 0 {
		work.Go(func() { done6, failed[1] = p.take6(ctx, v6, eni, how) })
	}
	if len(v4) > 0 {
		var done4 []cloud.Object
		done4, failed[2] = p.take4(ctx, v4, eni, how)
		done = append(done, done4...)
	}
	work.Wait()
	return outcome(append(done, done6...), together(failed))
}

// free are those of the objects that nobody has; mine need not be taken, and the
// others are the error.
func (p *Secondary) free(ctx context.Context, objects []cloud.Object) (mine, free []cloud.Object, err error) {
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, o := range seen {
		switch {
		case o.Mine:
			mine = append(mine, o.Object)
		case o.Holder == "":
			free = append(free, o.Object)
		default:
			errs = append(errs, conflict(o, assignIPv4))
		}
	}
	return mine, free, together(errs)
}

func (p *Secondary) take4(ctx context.Context, objects []cloud.Object, eni string, how cloud.Taking) ([]cloud.Object, error) {
	c, err := p.s.ready(ctx)
	if err != nil {
		return nil, err
	}
	_, err = write(ctx, p.means, how, assignIPv4, about(objects), func() (*ec2.AssignPrivateIpAddressesOutput, error) {
		return c.ec2.AssignPrivateIpAddresses(ctx, &ec2.AssignPrivateIpAddressesInput{
			NetworkInterfaceId: &eni, PrivateIpAddresses: texts(objects), AllowReassignment: sdk.Bool(how.Steal),
		})
	})
	return p.explained(ctx, objects, how, err)
}

// explained looks into a refusal that says nothing by itself: EC2 has the same
// code for an address that another has as for one that can't be.
func (p *Secondary) explained(ctx context.Context, objects []cloud.Object, how cloud.Taking, err error) ([]cloud.Object, error) {
	if err == nil {
		return objects, nil
	}
	if k := cloud.KindOf(err); k != cloud.Invalid && k != cloud.Conflict {
		return nil, err
	}
	seen, unseen := p.Observe(ctx, objects)
	if unseen != nil {
		return nil, err
	}
	var (
		done []cloud.Object
		errs []error
	)
	for _, o := range seen {
		switch {
		case o.Mine:
			done = append(done, o.Object)
		case o.Holder != "" && !how.Steal:
			errs = append(errs, conflict(o, assignIPv4))
		default:
			errs = []error{err}
		}
	}
	return done, together(errs)
}

// Yield unassigns what this node's interface has.
func (p *Secondary) Yield(ctx context.Context, objects []cloud.Object, how cloud.Taking) error {
	c, err := p.s.ready(ctx)
	if err != nil {
		return err
	}
	eni, err := p.eni(ctx)
	if err != nil {
		return err
	}
	seen, err := p.Observe(ctx, objects)
	if err != nil {
		return err
	}
	seen = slices.DeleteFunc(seen, func(o cloud.Ownership) bool { return !o.Mine })
	if err := p.unassign6(ctx, c, seen, func(holder string) bool { return holder == eni }, how); err != nil {
		return err
	}
	var own []cloud.Object
	for _, o := range seen {
		if o.Address.Is4() {
			own = append(own, o.Object)
		}
	}
	if len(own) == 0 {
		return nil
	}
	// The request names the interface: what has left it meanwhile is not touched.
	_, err = write(ctx, p.means, how, unassignIPv4, about(own), func() (*ec2.UnassignPrivateIpAddressesOutput, error) {
		return c.ec2.UnassignPrivateIpAddresses(ctx, &ec2.UnassignPrivateIpAddressesInput{
			NetworkInterfaceId: &eni, PrivateIpAddresses: texts(own),
		})
	})
	return err
}

// Reflected asks the metadata service which addresses the interface has.
func (p *Secondary) Reflected(ctx context.Context, objects []cloud.Object) ([]bool, error) {
	n, err := p.s.find(ctx, p.at)
	if err != nil {
		return nil, err
	}
	shown, err := p.s.meta.addresses(ctx, n.mac)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(objects))
	for i, o := range objects {
		has[i] = slices.Contains(shown, o.Address)
	}
	return has, nil
}

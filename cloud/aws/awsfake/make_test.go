// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// makers is a cluster whose nodes may make everything.
func makers(t *testing.T) (*World, machine) {
	t.Helper()
	cfg := Cluster(2, 1)
	cfg.Roles[0].Policy = allowing("ec2:*", "*")
	w := newWorld(t, cfg)
	return w, on(w, 1)
}

func TestMakeInterface(t *testing.T) {
	w, m := makers(t)
	ctx := t.Context()
	in := &ec2api.CreateNetworkInterfaceInput{
		SubnetId: sdk.String(ClusterSubnet), Description: sdk.String("slot"), Groups: []string{"sg-1"}, ClientToken: sdk.String("once"),
		PrivateIpAddresses: []types.PrivateIpAddressSpecification{{PrivateIpAddress: sdk.String("192.0.2.77"), Primary: sdk.Bool(true)}},
		Ipv6Addresses:      []types.InstanceIpv6Address{{Ipv6Address: sdk.String("2001:db8::77")}},
		TagSpecifications: []types.TagSpecification{
			{ResourceType: types.ResourceTypeNetworkInterface, Tags: []types.Tag{{Key: sdk.String("Name"), Value: sdk.String("slot")}}},
		},
	}
	first, err := m.CreateNetworkInterface(ctx, in)
	ok(t, err)
	again, err := m.CreateNetworkInterface(ctx, in)
	ok(t, err)
	id := *first.NetworkInterface.NetworkInterfaceId
	if *again.NetworkInterface.NetworkInterfaceId != id {
		t.Errorf("the same request with the same token has made %s and %s", id, *again.NetworkInterface.NetworkInterfaceId)
	}
	in.Description = sdk.String("another")
	_, err = m.CreateNetworkInterface(ctx, in)
	want(t, err, "IdempotentParameterMismatch")
	in.ClientToken = nil
	_, err = m.CreateNetworkInterface(ctx, in)
	want(t, err, "InvalidIPAddress.InUse")

	_, err = m.ModifyNetworkInterfaceAttribute(ctx, &ec2api.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: &id, SourceDestCheck: &types.AttributeBooleanValue{Value: sdk.Bool(false)},
	})
	ok(t, err)
	_, err = m.ModifyNetworkInterfaceAttribute(ctx, &ec2api.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: &id, SourceDestCheck: &types.AttributeBooleanValue{Value: sdk.Bool(true)}, Groups: []string{"sg-2"},
	})
	want(t, err, "InvalidParameterCombination")
	out, err := m.DescribeNetworkInterfaces(ctx, &ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{id}})
	ok(t, err)
	i := out.NetworkInterfaces[0]
	if *i.Description != "slot" || *i.Groups[0].GroupId != "sg-1" || *i.SourceDestCheck || i.Status != "available" || *i.PrivateIpAddress != "192.0.2.77" || len(i.TagSet) != 1 {
		t.Errorf("%+v", i)
	}
	holds(t, w, "2001:db8::77", id)

	instance, err := w.Launch(Instance{Role: ClusterRole}, id)
	ok(t, err)
	if at, _ := w.Attached(id); at != instance {
		t.Errorf("the interface is attached to %q, not to %s", at, instance)
	}
	_, err = m.DeleteNetworkInterface(ctx, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id})
	want(t, err, "InvalidParameterValue")
	if _, err := w.Launch(Instance{}, id); err == nil {
		t.Error("an interface was attached twice")
	}
	ok(t, w.SetState(instance, Terminated))
	holds(t, w, "192.0.2.77", id)
	_, err = w.Launch(Instance{ID: "i-2"}, id)
	ok(t, err)
	ok(t, w.Attach(id, "", 0))
	_, err = m.DeleteNetworkInterface(ctx, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: &id})
	ok(t, err)
	holds(t, w, "192.0.2.77", "")
}

func TestMakeReservation(t *testing.T) {
	_, m := makers(t)
	ctx := t.Context()
	reserve := func(cidr string) (string, error) {
		out, err := m.CreateSubnetCidrReservation(ctx, &ec2api.CreateSubnetCidrReservationInput{
			SubnetId: sdk.String(ClusterSubnet), Cidr: &cidr, ReservationType: types.SubnetCidrReservationTypeExplicit, Description: sdk.String("vicar"),
		})
		if err != nil {
			return "", err
		}
		return *out.SubnetCidrReservation.SubnetCidrReservationId, nil
	}
	given := func() string {
		t.Helper()
		out, err := m.CreateNetworkInterface(ctx, &ec2api.CreateNetworkInterfaceInput{SubnetId: sdk.String(ClusterSubnet)})
		ok(t, err)
		return *out.NetworkInterface.PrivateIpAddress
	}
	id, err := reserve("192.0.2.4/32")
	ok(t, err)
	_, err = reserve("192.0.2.0/24")
	want(t, err, "InvalidCidr.Conflict")
	if got := given(); got != "192.0.2.5" {
		t.Errorf("an interface got %s: 192.0.2.4 is reserved, and 192.0.2.5 the next one", got)
	}
	ok(t, m.assign(ctx, 1, false, "192.0.2.4")) // by its address
	all, err := m.GetSubnetCidrReservations(ctx, &ec2api.GetSubnetCidrReservationsInput{SubnetId: sdk.String(ClusterSubnet)})
	ok(t, err)
	if len(all.SubnetIpv4CidrReservations) != 1 || *all.SubnetIpv4CidrReservations[0].Cidr != "192.0.2.4/32" {
		t.Errorf("%+v", all.SubnetIpv4CidrReservations)
	}
	gone := &ec2api.DeleteSubnetCidrReservationInput{SubnetCidrReservationId: &id}
	_, err = m.DeleteSubnetCidrReservation(ctx, gone)
	ok(t, err)
	_, err = m.DeleteSubnetCidrReservation(ctx, gone)
	want(t, err, "InvalidSubnetCidrReservationID.NotFound")
}

func TestMakeElasticIP(t *testing.T) {
	w, m := makers(t)
	ctx := t.Context()
	var id string
	for _, want := range []string{"203.0.113.3", "203.0.113.4", "203.0.113.5"} {
		out, err := m.AllocateAddress(ctx, &ec2api.AllocateAddressInput{Domain: types.DomainTypeVpc})
		ok(t, err)
		id = *out.AllocationId
		if *out.PublicIp != want {
			t.Errorf("got %s, want %s", *out.PublicIp, want)
		}
	}
	_, err := m.AllocateAddress(ctx, &ec2api.AllocateAddressInput{Domain: types.DomainTypeVpc})
	want(t, err, "AddressLimitExceeded")
	names, err := m.DescribeAddressesAttribute(ctx, &ec2api.DescribeAddressesAttributeInput{AllocationIds: []string{id}, Attribute: types.AddressAttributeNameDomainName})
	ok(t, err)
	if len(names.Addresses) != 1 || names.Addresses[0].PtrRecord != nil {
		t.Errorf("%+v", names.Addresses)
	}
	ok(t, w.Associate(id, ClusterInterface(1), addr("192.0.2.11")))
	release := &ec2api.ReleaseAddressInput{AllocationId: &id}
	_, err = m.ReleaseAddress(ctx, release)
	want(t, err, "InvalidIPAddress.InUse")
	ok(t, w.Associate(id, "", addr("192.0.2.11")))
	_, err = m.ReleaseAddress(ctx, release)
	ok(t, err)
	_, err = m.ReleaseAddress(ctx, release)
	want(t, err, "InvalidAllocationID.NotFound")
}

// TestMakeDenied wants each of the actions to need its permission, on what it makes
// or changes.
func TestMakeDenied(t *testing.T) {
	cfg := Cluster(1, 1)
	cfg.Roles[0].Policy = allowing("ec2:CreateNetworkInterface", "arn:aws:ec2:*:*:network-interface/*")
	w := newWorld(t, cfg)
	m := on(w, 1)
	ctx := t.Context()
	_, err := m.CreateNetworkInterface(ctx, &ec2api.CreateNetworkInterfaceInput{SubnetId: sdk.String(ClusterSubnet)})
	want(t, err, "UnauthorizedOperation") // not on the subnet
	_, err = m.AllocateAddress(ctx, &ec2api.AllocateAddressInput{Domain: types.DomainTypeVpc})
	want(t, err, "UnauthorizedOperation")
	_, err = m.ReleaseAddress(ctx, &ec2api.ReleaseAddressInput{AllocationId: sdk.String(ClusterEIP(1))})
	want(t, err, "UnauthorizedOperation")
	_, err = m.DeleteNetworkInterface(ctx, &ec2api.DeleteNetworkInterfaceInput{NetworkInterfaceId: sdk.String(ClusterInterface(1))})
	want(t, err, "UnauthorizedOperation")
	_, err = m.CreateSubnetCidrReservation(ctx, &ec2api.CreateSubnetCidrReservationInput{
		SubnetId: sdk.String(ClusterSubnet), Cidr: sdk.String("192.0.2.4/32"), ReservationType: types.SubnetCidrReservationTypeExplicit,
	})
	want(t, err, "UnauthorizedOperation")

	ok(t, w.AddRole(Role{Name: "later", Policy: allowing("dynamodb:*", "*")}))
	if w.AddRole(Role{Name: "later"}) == nil || w.AddTable(Table{Name: ClusterTable}) == nil {
		t.Error("a role or a table was made twice")
	}
	ok(t, w.AddTable(Table{Name: "later", Key: "resource"}))
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// TestAssociateAddress is what the API reference says of the action.
func TestAssociateAddress(t *testing.T) {
	for _, tc := range []struct {
		doc    string
		before string // the interface that has it, at 192.0.2.100 of it
		in     ec2api.AssociateAddressInput
		code   string
		holder string // the interface afterwards
		same   bool   // the association is the former one
	}{
		{doc: "associates with an interface's primary address", in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1))}, holder: ClusterInterface(1)},
		{
			doc: "or with the private address that is named", holder: ClusterInterface(1),
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1)), PrivateIpAddress: sdk.String("192.0.2.101")},
		},
		{
			doc: "which the interface must have", code: "InvalidParameterValue",
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1)), PrivateIpAddress: sdk.String("192.0.2.100")},
		},
		{doc: "reassociation is automatic", before: ClusterInterface(2), in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1))}, holder: ClusterInterface(1)},
		{
			doc: "unless AllowReassociation is false", before: ClusterInterface(2), code: "Resource.AlreadyAssociated", holder: ClusterInterface(2), same: true,
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1)), AllowReassociation: sdk.Bool(false)},
		},
		{
			doc: "which takes what is free", holder: ClusterInterface(1),
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1)), AllowReassociation: sdk.Bool(false)},
		},
		{
			doc: "it is idempotent", before: ClusterInterface(2), holder: ClusterInterface(2), same: true,
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(2)), PrivateIpAddress: sdk.String("192.0.2.100"), AllowReassociation: sdk.Bool(false)},
		},
		{
			doc: "DryRun does nothing", before: ClusterInterface(2), code: "DryRunOperation", holder: ClusterInterface(2), same: true,
			in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String(ClusterInterface(1)), DryRun: sdk.Bool(true)},
		},
		{doc: "an instance with one interface", in: ec2api.AssociateAddressInput{InstanceId: sdk.String(ClusterNode(1))}, holder: ClusterInterface(1)},
		{doc: "no such interface", in: ec2api.AssociateAddressInput{NetworkInterfaceId: sdk.String("eni-1")}, code: "UnauthorizedOperation"},
		{doc: "no target", code: "MissingParameter"},
	} {
		t.Run(tc.doc, func(t *testing.T) {
			w := newWorld(t, Cluster(2, 1))
			ok(t, w.MoveAddress(addr("192.0.2.101"), ClusterInterface(1)))
			ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)))
			if tc.before != "" {
				ok(t, w.Associate(ClusterEIP(1), tc.before, addr("192.0.2.100")))
			}
			former, _, _, _ := w.Association(ClusterEIP(1))
			tc.in.AllocationId = sdk.String(ClusterEIP(1))
			out, err := on(w, 1).AssociateAddress(t.Context(), &tc.in)
			want(t, err, tc.code)
			id, eni, _, _ := w.Association(ClusterEIP(1))
			if eni != tc.holder || (id == former) != (tc.same || tc.holder == "") {
				t.Errorf("associated with %q by %s, before by %q", eni, id, former)
			}
			if err == nil && *out.AssociationId != id {
				t.Errorf("answered %s, and it is %s", *out.AssociationId, id)
			}
		})
	}
}

// TestElasticIPTakesTheAddress: an address that has an Elastic IP loses it to the
// next one, and keeps it where reassociation is not allowed.
func TestElasticIPTakesTheAddress(t *testing.T) {
	w := newWorld(t, Cluster(1, 1))
	ok(t, w.Associate(ClusterEIP(2), ClusterInterface(1), addr("192.0.2.11")))
	m := on(w, 1)
	in := &ec2api.AssociateAddressInput{AllocationId: sdk.String(ClusterEIP(1)), NetworkInterfaceId: sdk.String(ClusterInterface(1)), AllowReassociation: sdk.Bool(false)}
	_, err := m.AssociateAddress(t.Context(), in)
	want(t, err, "Resource.AlreadyAssociated")
	in.AllowReassociation = nil
	_, err = m.AssociateAddress(t.Context(), in)
	ok(t, err)
	if _, _, _, is := w.Association(ClusterEIP(2)); is {
		t.Error("the former Elastic IP is still associated")
	}
}

// TestDisassociateAddress: the id of an association that another has replaced takes
// nothing from the other.
func TestDisassociateAddress(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m := on(w, 1)
	associate := func(n int) *string {
		out, err := m.AssociateAddress(t.Context(), &ec2api.AssociateAddressInput{AllocationId: sdk.String(ClusterEIP(1)), NetworkInterfaceId: sdk.String(ClusterInterface(n))})
		ok(t, err)
		return out.AssociationId
	}
	disassociate := func(id *string, dry bool) error {
		_, err := m.DisassociateAddress(t.Context(), &ec2api.DisassociateAddressInput{AssociationId: id, DryRun: &dry})
		return err
	}
	mine, theirs := associate(1), associate(2)
	want(t, disassociate(mine, false), "InvalidAssociationID.NotFound")
	if id, _, _, _ := w.Association(ClusterEIP(1)); id != *theirs {
		t.Errorf("the association is %q, want %q", id, *theirs)
	}
	want(t, disassociate(theirs, true), "DryRunOperation")
	ok(t, disassociate(theirs, false))
	if _, _, _, is := w.Association(ClusterEIP(1)); is {
		t.Error("still associated")
	}
	want(t, disassociate(nil, false), "MissingParameter")
}

// TestManyInterfaces: what names an instance with several interfaces names none.
func TestManyInterfaces(t *testing.T) {
	cfg := Cluster(1, 1)
	cfg.Interfaces = append(cfg.Interfaces, Interface{ID: "eni-second", Subnet: ClusterSubnet, Instance: ClusterNode(1), Device: 1, Primary: addr("192.0.2.50")})
	w := newWorld(t, cfg)
	m := on(w, 1)
	_, err := m.AssociateAddress(t.Context(), &ec2api.AssociateAddressInput{AllocationId: sdk.String(ClusterEIP(1)), InstanceId: sdk.String(ClusterNode(1))})
	want(t, err, "InvalidInstanceID")
	_, err = m.CreateRoute(t.Context(), &ec2api.CreateRouteInput{
		RouteTableId: sdk.String(ClusterRoutes(1)), DestinationCidrBlock: sdk.String("198.51.100.7/32"), InstanceId: sdk.String(ClusterNode(1)),
	})
	want(t, err, "InvalidInstanceID")
}

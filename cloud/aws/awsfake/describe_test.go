// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func by(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

func TestDescribeNetworkInterfaces(t *testing.T) {
	w := newWorld(t, Cluster(8, 1))
	ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(2), addr("192.0.2.100")))
	m := on(w, 1)
	for _, tc := range []struct {
		doc  string
		in   ec2api.DescribeNetworkInterfacesInput
		code string
		ids  []int
	}{
		{doc: "by id", in: ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{ClusterInterface(2)}}, ids: []int{2}},
		{doc: "by an id that is none", in: ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{"eni-0"}}, code: "InvalidNetworkInterfaceID.NotFound"},
		{doc: "by a secondary address", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("addresses.private-ip-address", "192.0.2.100")}}, ids: []int{2}},
		{doc: "private-ip-address is the primary one", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("private-ip-address", "192.0.2.100")}}},
		{doc: "values are ORed", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("private-ip-address", "192.0.2.11", "192.0.2.13")}}, ids: []int{1, 3}},
		{
			doc: "filters are ANDed",
			in:  ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("subnet-id", ClusterSubnet), by("attachment.instance-id", ClusterNode(3))}}, ids: []int{3},
		},
		{doc: "wildcards", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("private-ip-address", "192.0.2.1?"), by("tag:"+ClusterTag, "w*")}}, ids: []int{1, 2, 3, 4, 5, 6, 7, 8}},
		{doc: "by IPv6 address", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("ipv6-addresses.ipv6-address", "2001:db8::14")}}, ids: []int{4}},
		{doc: "by Elastic IP", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("addresses.association.public-ip", "203.0.113.1")}}, ids: []int{2}},
		{doc: "a filter that is none", in: ec2api.DescribeNetworkInterfacesInput{Filters: []types.Filter{by("route", "x")}}, code: "InvalidParameterValue"},
		{doc: "pages have 5 at least", in: ec2api.DescribeNetworkInterfacesInput{MaxResults: sdk.Int32(4)}, code: "InvalidParameterValue"},
		{doc: "no pages of ids", in: ec2api.DescribeNetworkInterfacesInput{MaxResults: sdk.Int32(5), NetworkInterfaceIds: []string{ClusterInterface(2)}}, code: "InvalidParameterCombination"},
		{doc: "a page that is none", in: ec2api.DescribeNetworkInterfacesInput{MaxResults: sdk.Int32(5), NextToken: sdk.String("2")}, code: "InvalidNextToken"},
		{doc: "all", ids: []int{1, 2, 3, 4, 5, 6, 7, 8, 9}},
	} {
		t.Run(tc.doc, func(t *testing.T) {
			out, err := m.DescribeNetworkInterfaces(t.Context(), &tc.in)
			want(t, err, tc.code)
			var got, ids []string
			for _, i := range tc.ids {
				ids = append(ids, ClusterInterface(i))
			}
			if err == nil {
				for _, i := range out.NetworkInterfaces {
					got = append(got, *i.NetworkInterfaceId)
				}
			}
			if !slices.Equal(got, ids) {
				t.Errorf("got %v, want %v", got, ids)
			}
		})
	}
}

func TestPages(t *testing.T) {
	w := newWorld(t, Cluster(11, 1))
	pages := ec2api.NewDescribeNetworkInterfacesPaginator(on(w, 1), &ec2api.DescribeNetworkInterfacesInput{MaxResults: sdk.Int32(5)})
	var sizes []int
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		ok(t, err)
		sizes = append(sizes, len(out.NetworkInterfaces))
	}
	if !slices.Equal(sizes, []int{5, 5, 2}) {
		t.Errorf("pages of %v", sizes)
	}
}

// TestShownInterface is what a describe shows of an interface.
func TestShownInterface(t *testing.T) {
	w := newWorld(t, Cluster(1, 1))
	ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(1)))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr("192.0.2.100")))
	out, err := on(w, 1).DescribeNetworkInterfaces(t.Context(), &ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{ClusterInterface(1)}})
	ok(t, err)
	i := out.NetworkInterfaces[0]
	if *i.SubnetId != ClusterSubnet || *i.VpcId != ClusterVPC || *i.Attachment.InstanceId != ClusterNode(1) || i.Status != types.NetworkInterfaceStatusInUse {
		t.Errorf("got %+v", i)
	}
	if *i.SourceDestCheck || !*i.PrivateIpAddresses[0].Primary || *i.PrivateIpAddresses[0].PrivateIpAddress != "192.0.2.11" || i.Association != nil {
		t.Errorf("got check %t, first address %+v", *i.SourceDestCheck, i.PrivateIpAddresses[0])
	}
	p := i.PrivateIpAddresses[1]
	if *p.Primary || *p.PrivateIpAddress != "192.0.2.100" || *p.Association.AllocationId != ClusterEIP(1) || *p.Association.PublicIp != "203.0.113.1" {
		t.Errorf("got %+v", p)
	}
	if len(i.TagSet) != 1 || *i.TagSet[0].Key != ClusterTag || *i.TagSet[0].Value != "web" {
		t.Errorf("got tags %+v", i.TagSet)
	}
}

func TestDescribeAddresses(t *testing.T) {
	w := newWorld(t, Cluster(1, 1))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr("192.0.2.11")))
	m := on(w, 1)
	out, err := m.DescribeAddresses(t.Context(), &ec2api.DescribeAddressesInput{AllocationIds: []string{ClusterEIP(1), ClusterEIP(2)}})
	ok(t, err)
	id, _, _, _ := w.Association(ClusterEIP(1))
	a, b := out.Addresses[0], out.Addresses[1]
	if *a.AssociationId != id || *a.NetworkInterfaceId != ClusterInterface(1) || *a.PrivateIpAddress != "192.0.2.11" || *a.InstanceId != ClusterNode(1) || b.AssociationId != nil {
		t.Errorf("got %+v and %+v", a, b)
	}
	out, err = m.DescribeAddresses(t.Context(), &ec2api.DescribeAddressesInput{Filters: []types.Filter{by("private-ip-address", "192.0.2.11")}})
	if err != nil || len(out.Addresses) != 1 {
		t.Errorf("got %+v, %v", out, err)
	}
	_, err = m.DescribeAddresses(t.Context(), &ec2api.DescribeAddressesInput{AllocationIds: []string{"eipalloc-0"}})
	want(t, err, "InvalidAllocationID.NotFound")
}

func TestDescribeRest(t *testing.T) {
	w := newWorld(t, Cluster(2, 3))
	m, ctx := on(w, 1), t.Context()
	instances, err := m.DescribeInstances(ctx, &ec2api.DescribeInstancesInput{InstanceIds: []string{ClusterNode(2)}})
	ok(t, err)
	i := instances.Reservations[0].Instances[0]
	if i.State.Name != types.InstanceStateNameRunning || i.InstanceType != "m5.4xlarge" || *i.MetadataOptions.HttpPutResponseHopLimit != 1 ||
		i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired || *i.NetworkInterfaces[0].NetworkInterfaceId != ClusterInterface(2) {
		t.Errorf("got %+v", i)
	}
	sizes, err := m.DescribeInstanceTypes(ctx, &ec2api.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"m5.4xlarge"}})
	ok(t, err)
	if n := sizes.InstanceTypes[0].NetworkInfo; *n.Ipv4AddressesPerInterface != 30 || *n.MaximumNetworkInterfaces != 8 {
		t.Errorf("got %+v", n)
	}
	subnets, err := m.DescribeSubnets(ctx, &ec2api.DescribeSubnetsInput{SubnetIds: []string{ClusterSubnet}})
	ok(t, err)
	if s := subnets.Subnets[0]; *s.CidrBlock != "192.0.2.0/24" || *s.VpcId != ClusterVPC || *s.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock != "2001:db8::/64" {
		t.Errorf("got %+v", s)
	}
	vpcs, err := m.DescribeVpcs(ctx, &ec2api.DescribeVpcsInput{VpcIds: []string{ClusterVPC}})
	ok(t, err)
	if v := vpcs.Vpcs[0]; *v.CidrBlockAssociationSet[0].CidrBlock != "192.0.2.0/24" || *v.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock != "2001:db8::/56" {
		t.Errorf("got %+v", v)
	}
	tables, err := m.DescribeRouteTables(ctx, &ec2api.DescribeRouteTablesInput{Filters: []types.Filter{by("association.main", "true"), by("vpc-id", ClusterVPC)}})
	if err != nil || len(tables.RouteTables) != 1 || *tables.RouteTables[0].RouteTableId != ClusterRoutes(1) || len(tables.RouteTables[0].Routes) != 3 {
		t.Errorf("got %+v, %v", tables, err)
	}
	_, err = m.DescribeRouteTables(ctx, &ec2api.DescribeRouteTablesInput{RouteTableIds: []string{"rtb-0"}})
	want(t, err, "InvalidRouteTableID.NotFound")
	_, err = m.DescribeVpcs(ctx, &ec2api.DescribeVpcsInput{DryRun: sdk.Bool(true)})
	want(t, err, "DryRunOperation")
	if status(err) != 412 {
		t.Errorf("DryRun answers with %d", status(err))
	}
	_, err = m.DescribeSecurityGroups(ctx, &ec2api.DescribeSecurityGroupsInput{})
	want(t, err, "InvalidAction")
}

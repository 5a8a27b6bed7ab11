// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// table is the one that an object is in.
func table(o cloud.Object) string {
	id, _, _ := strings.Cut(o.ID, " ")
	return id
}

// tablesOf are the tables of objects, each once.
func tablesOf(objects []cloud.Object) []string {
	var ids []string
	for _, o := range objects {
		if !slices.Contains(ids, table(o)) {
			ids = append(ids, table(o))
		}
	}
	return ids
}

// destination is where an object's route leads packets for.
func destination(o cloud.Object) netip.Prefix {
	_, to, _ := strings.Cut(o.ID, " ")
	p, _ := netip.ParsePrefix(to) // as Objects wrote it
	return p
}

// tables are route tables by id.
type tables map[string]types.RouteTable

// route is the one of an object. A route that a gateway has told (propagated) is
// not it: it can't be replaced, and one that is made goes before it.
func (t tables) route(o cloud.Object) (types.Route, bool) {
	wanted := destination(o)
	for _, r := range t[table(o)].Routes {
		to := sdk.ToString(r.DestinationCidrBlock)
		if to == "" {
			to = sdk.ToString(r.DestinationIpv6CidrBlock)
		}
		p, err := netip.ParsePrefix(to)
		if err == nil && p == wanted && r.Origin != types.RouteOriginEnableVgwRoutePropagation {
			return r, true
		}
	}
	return types.Route{}, false
}

// target is where a route leads to, as the cloud names it.
func target(r types.Route) string {
	for _, id := range []*string{
		r.NetworkInterfaceId, r.InstanceId, r.GatewayId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId,
		r.EgressOnlyInternetGatewayId, r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn,
	} {
		if sdk.ToString(id) != "" {
			return *id
		}
	}
	return "something"
}

// read reads the tables of objects.
func (p *Route) read(ctx context.Context, objects []cloud.Object) (tables, error) {
	c, err := p.s.ready(ctx)
	if err != nil {
		return nil, err
	}
	found := tables{}
	for some := range slices.Chunk(tablesOf(objects), perQuery) {
		pages := ec2.NewDescribeRouteTablesPaginator(c.routes, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{filter("route-table-id", some...)}, MaxResults: sdk.Int32(perPage),
		})
		for pages.HasMorePages() {
			page, err := read(p.means, describeTables, strings.Join(some, ", "), func() (*ec2.DescribeRouteTablesOutput, error) {
				return pages.NextPage(ctx)
			})
			if err != nil {
				return nil, err
			}
			for _, t := range page.RouteTables {
				found[sdk.ToString(t.RouteTableId)] = t
			}
		}
	}
	return found, nil
}

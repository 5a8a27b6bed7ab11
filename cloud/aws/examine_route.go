// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/vicar-ha/vicar/cloud"
)

// Examine satisfies cloud.Examiner.
func (p *Route) Examine(ctx context.Context, objects []cloud.Object) []cloud.Finding {
	found, usable := p.basics(ctx, true)
	if !usable {
		return found
	}
	n, f := p.nic(ctx)
	found = append(found, f, p.outside(objects))
	if n == nil {
		return found
	}
	found = append(found, sourceCheck(n))
	return append(found, p.written(ctx, n, objects)...)
}

// sourceCheck looks whether the interface takes packets for addresses that it
// doesn't have.
func sourceCheck(n *types.NetworkInterface) cloud.Finding {
	eni := sdk.ToString(n.NetworkInterfaceId)
	f := good("source/destination check of " + eni)
	if n.SourceDestCheck == nil || *n.SourceDestCheck {
		f.OK = false
		f.Problem = "it is on: EC2 drops packets for an address that a route leads here"
		f.Remedy = "aws ec2 modify-network-interface-attribute --network-interface-id " + eni + " --no-source-dest-check"
	}
	return f
}

// outside looks whether the addresses are outside the VPC: a route to a part of a
// subnet is not made.
func (p *Route) outside(objects []cloud.Object) cloud.Finding {
	const what = "the addresses are outside the VPC"
	n, ok := p.s.local(p.at)
	if !ok {
		return good(what) // not known to be wrong
	}
	for _, o := range objects {
		if destination(o) != alone(o.Address) {
			continue
		}
		for _, cidr := range n.vpcs {
			if cidr.Contains(o.Address) {
				return cloud.Finding{
					What: what, Problem: fmt.Sprintf("%s is in %s of %s", o.Address, cidr, n.vpc),
					Remedy: "take an address that is in no CIDR of the VPC, or move it by aws-secondary-ip",
				}
			}
		}
	}
	return good(what)
}

// written looks at each table: whether it is there, in this VPC, and may be
// written to.
func (p *Route) written(ctx context.Context, n *types.NetworkInterface, objects []cloud.Object) []cloud.Finding {
	var err error
	tables := p.shown.ask(strings.Join(tablesOf(objects), " "), seenFor, func() (all tables, sure bool) {
		all, err = p.read(ctx, objects)
		return all, err == nil
	})
	if err != nil {
		return []cloud.Finding{trouble("route tables "+strings.Join(tablesOf(objects), ", "), err)}
	}
	var (
		found []cloud.Finding
		tried []string
		asks  []func() cloud.Finding
	)
	for _, o := range objects {
		id := table(o)
		t, ok := tables[id]
		_, has := tables.route(o)
		// One route of each sort per table is enough to know.
		sort := fmt.Sprintf("%s %t", id, has)
		if slices.Contains(tried, sort) {
			continue
		}
		tried = append(tried, sort)
		switch {
		case !ok:
			found = append(found, cloud.Finding{
				What: "route table " + id, Problem: "EC2 does not show it", Remedy: "correct aws.route_tables or aws.routes, the region, or aws.role (a shared VPC's tables are its owner's)",
			})
		case sdk.ToString(t.VpcId) != sdk.ToString(n.VpcId):
			found = append(found, cloud.Finding{
				What:    "route table " + id,
				Problem: fmt.Sprintf("it is of %s, and %s of %s", sdk.ToString(t.VpcId), sdk.ToString(n.NetworkInterfaceId), sdk.ToString(n.VpcId)),
				Remedy:  "name tables of the nodes' VPC only",
			})
		default:
			found = append(found, good("route table "+id))
			asks = append(asks, func() cloud.Finding { return p.writable(ctx, o, sdk.ToString(n.NetworkInterfaceId), has) })
		}
	}
	found = append(found, p.wayOut(ctx, n, objects, tables)...)
	return append(found, permitted(asks)...)
}

// wayOut looks whether the table of this node's own subnet is one whose default
// route moves along: then the standby reaches EC2 by the holder, which may have
// died, and the holder reaches itself.
func (p *Route) wayOut(ctx context.Context, n *types.NetworkInterface, objects []cloud.Object, tables tables) []cloud.Finding {
	subnet := sdk.ToString(n.SubnetId)
	var wide []string
	for _, o := range objects {
		if destination(o).Bits() <= 1 { // a half of all is as much
			wide = append(wide, table(o))
		}
	}
	if len(wide) == 0 {
		return nil
	}
	what := "the way to EC2 from " + subnet
	own, err := p.tableOf(ctx, n, tables, wide)
	switch {
	case err != nil:
		return []cloud.Finding{trouble(what, err)}
	case !slices.Contains(wide, own):
		return []cloud.Finding{good(what)}
	}
	return []cloud.Finding{{
		What: what, Problem: own + " is the table of this node's own subnet, and its default route is to lead to the holder",
		Remedy: "give the nodes' subnets a table with another default route, and leave that out of aws.routes",
	}}
}

// tableOf is the table of an interface's subnet, empty if it is none of some. The
// VPC's main one is that of a subnet for which there is no other.
func (p *Route) tableOf(ctx context.Context, n *types.NetworkInterface, tables tables, some []string) (string, error) {
	main := ""
	for _, id := range some {
		for _, a := range tables[id].Associations {
			if a.SubnetId != nil && sdk.ToString(a.SubnetId) == sdk.ToString(n.SubnetId) {
				return id, nil
			}
			if sdk.ToBool(a.Main) {
				main = id
			}
		}
	}
	if main == "" {
		return "", nil
	}
	c, err := p.s.ready(ctx)
	if err != nil {
		return "", err
	}
	other, err := read(p.means, describeTables, sdk.ToString(n.SubnetId), func() (*ec2.DescribeRouteTablesOutput, error) {
		return c.routes.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{filter("association.subnet-id", sdk.ToString(n.SubnetId))},
		})
	})
	if err != nil || len(other.RouteTables) > 0 {
		return "", err
	}
	return main, nil
}

// writable asks EC2 about the write that a take-over would make: replacing the
// route, or making it where the table has none.
func (p *Route) writable(ctx context.Context, o cloud.Object, eni string, has bool) cloud.Finding {
	c, err := p.s.ready(ctx)
	if err != nil {
		return trouble("EC2", err)
	}
	v4, v6 := to(o)
	if has {
		return p.dry(replaceRoute, table(o), o.ID, func() error {
			_, err := c.routes.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{
				RouteTableId: sdk.String(table(o)), NetworkInterfaceId: &eni, DestinationCidrBlock: v4, DestinationIpv6CidrBlock: v6, DryRun: sdk.Bool(true),
			})
			return err
		})
	}
	return p.dry(createRoute, table(o), o.ID, func() error {
		_, err := c.routes.CreateRoute(ctx, &ec2.CreateRouteInput{
			RouteTableId: sdk.String(table(o)), NetworkInterfaceId: &eni, DestinationCidrBlock: v4, DestinationIpv6CidrBlock: v6, DryRun: sdk.Bool(true),
		})
		return err
	})
}

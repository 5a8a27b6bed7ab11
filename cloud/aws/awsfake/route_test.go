// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"context"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// replace sends a table's route for an overlay address to node n.
func (m machine) replace(ctx context.Context, table, n int, dst string, dry bool) error {
	in := &ec2api.ReplaceRouteInput{RouteTableId: sdk.String(ClusterRoutes(table)), NetworkInterfaceId: sdk.String(ClusterInterface(n)), DryRun: &dry}
	if prefix(dst).Addr().Is4() {
		in.DestinationCidrBlock = &dst
	} else {
		in.DestinationIpv6CidrBlock = &dst
	}
	_, err := m.ReplaceRoute(ctx, in)
	return err
}

func (m machine) create(ctx context.Context, table, n int, dst string, dry bool) error {
	in := &ec2api.CreateRouteInput{RouteTableId: sdk.String(ClusterRoutes(table)), NetworkInterfaceId: sdk.String(ClusterInterface(n)), DryRun: &dry}
	if prefix(dst).Addr().Is4() {
		in.DestinationCidrBlock = &dst
	} else {
		in.DestinationIpv6CidrBlock = &dst
	}
	_, err := m.CreateRoute(ctx, in)
	return err
}

func TestRoutes(t *testing.T) {
	const vip, vip6 = "198.51.100.7/32", "2001:db8:1::7/128"
	w := newWorld(t, Cluster(2, 2))
	m, ctx := on(w, 1), t.Context()
	target := func(table int, dst, want string) {
		t.Helper()
		if got, _ := w.Target(ClusterRoutes(table), prefix(dst)); got != want {
			t.Errorf("table %d sends %s to %q, want %q", table, dst, got, want)
		}
	}
	for _, dst := range []string{vip, vip6} {
		// Not the InvalidRoute.NotFound of the list of errors.
		want(t, m.replace(ctx, 1, 1, dst, false), "InvalidParameterValue")
		// DryRun asks for the permission, and does not look at the route.
		want(t, m.replace(ctx, 1, 1, dst, true), "DryRunOperation")
		want(t, m.create(ctx, 1, 1, dst, true), "DryRunOperation")
		target(1, dst, "")
		ok(t, m.create(ctx, 1, 2, dst, false))
		want(t, m.create(ctx, 1, 1, dst, false), "RouteAlreadyExists")
		target(1, dst, ClusterInterface(2))
		ok(t, m.replace(ctx, 1, 1, dst, false))
		ok(t, m.replace(ctx, 1, 1, dst, false))
		target(1, dst, ClusterInterface(1))
		target(2, dst, "")
	}
	// Within the VPC only whole subnets may be routed.
	want(t, m.create(ctx, 1, 1, "192.0.2.100/32", false), "InvalidParameterValue")
	want(t, m.create(ctx, 1, 9, "198.51.100.8/32", false), "InvalidNetworkInterfaceID.NotFound")
	want(t, m.replace(ctx, 9, 1, vip, false), "UnauthorizedOperation")
	_, err := m.ReplaceRoute(ctx, &ec2api.ReplaceRouteInput{RouteTableId: sdk.String(ClusterRoutes(1)), DestinationCidrBlock: sdk.String("198.51.100.7/24"), NetworkInterfaceId: sdk.String(ClusterInterface(1))})
	want(t, err, "InvalidParameterValue")
	_, err = m.ReplaceRoute(ctx, &ec2api.ReplaceRouteInput{RouteTableId: sdk.String(ClusterRoutes(1)), DestinationCidrBlock: sdk.String(vip)})
	want(t, err, "InvalidParameterCombination")
}

// TestBlackhole: a route to what does not run is one, and is none again when it
// runs.
func TestBlackhole(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), ClusterInterface(1)))
	m := on(w, 2)
	state := func(is types.RouteState, reaches bool) {
		t.Helper()
		out, err := m.DescribeRouteTables(t.Context(), &ec2api.DescribeRouteTablesInput{Filters: []types.Filter{
			{Name: sdk.String("route.destination-cidr-block"), Values: []string{"198.51.100.7/32"}},
			{Name: sdk.String("route-table-id"), Values: []string{ClusterRoutes(1)}},
		}})
		ok(t, err)
		found := false
		for _, r := range out.RouteTables[0].Routes {
			if sdk.ToString(r.DestinationCidrBlock) == "198.51.100.7/32" {
				found = true
				if r.State != is || sdk.ToString(r.NetworkInterfaceId) != ClusterInterface(1) {
					t.Errorf("the route to %s is %s, want %s", sdk.ToString(r.NetworkInterfaceId), r.State, is)
				}
			}
		}
		if _, _, got := w.Deliver(ClusterNode(3), addr("198.51.100.7")); got != reaches || !found {
			t.Errorf("a packet arrives: %t, the route is shown: %t", got, found)
		}
	}
	state(types.RouteStateActive, true)
	ok(t, w.SetState(ClusterNode(1), Stopped))
	state(types.RouteStateBlackhole, false)
	ok(t, w.SetState(ClusterNode(1), Running))
	state(types.RouteStateActive, true)
	ok(t, w.SetState(ClusterNode(1), Terminated))
	state(types.RouteStateBlackhole, false)
}

// TestSourceDestCheck: an interface gets what is not its own only with the check
// switched off.
func TestSourceDestCheck(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	vip := addr("198.51.100.7")
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), ClusterInterface(1)))
	for _, on := range []bool{true, false} {
		ok(t, w.SetCheck(ClusterInterface(1), on))
		if _, _, arrives := w.Deliver(ClusterNode(3), vip); arrives == on {
			t.Errorf("with the check %t a packet arrives: %t", on, arrives)
		}
	}
}

// TestSharedVPC: another account's route tables are written to by a role of that
// account only.
func TestSharedVPC(t *testing.T) {
	cfg := Cluster(1, 1)
	cfg.RouteTables[0].Account = "444455556666"
	cfg.Roles = append(cfg.Roles, Role{Name: "routes", Account: "444455556666", Policy: clusterPolicy, Trust: []string{ClusterRole}})
	w := newWorld(t, cfg)
	ok(t, w.SetRoute(ClusterRoutes(1), prefix("198.51.100.7/32"), internet))
	m := on(w, 1)
	want(t, m.replace(t.Context(), 1, 1, "198.51.100.7/32", false), "UnauthorizedOperation")
	want(t, m.assumed("arn:aws:iam::444455556666:role/routes").replace(t.Context(), 1, 1, "198.51.100.7/32", false), "AccessDenied")
	ok(t, w.SetPolicy(ClusterRole, allowing("sts:AssumeRole", "arn:aws:iam::444455556666:role/routes")))
	ok(t, m.assumed("arn:aws:iam::444455556666:role/routes").replace(t.Context(), 1, 1, "198.51.100.7/32", false))
	if r := w.Requests()[len(w.Requests())-1]; r.Caller != ClusterNode(1) || r.Action != "ReplaceRoute" {
		t.Errorf("logged %s by %q", r.Action, r.Caller)
	}
}

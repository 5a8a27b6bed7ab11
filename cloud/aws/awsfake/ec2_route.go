// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
	"slices"
)

func routeParams() []string {
	return []string{
		"RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock", "NetworkInterfaceId", "InstanceId", "GatewayId", "NatGatewayId", "TransitGatewayId",
	}
}

// askTable asks for the route table.
func askTable(c *call) ([]access, error) {
	id, err := c.need("RouteTableId")
	if err != nil {
		return nil, err
	}
	t := c.now.tables[id]
	return []access{c.resource("route-table", id, c.owner(t.Account), t.Tags)}, nil
}

// destination is what a route action names.
func (c *call) destination() (netip.Prefix, error) {
	v4, v6 := c.params["DestinationCidrBlock"], c.params["DestinationIpv6CidrBlock"]
	if (v4 == "") == (v6 == "") {
		return netip.Prefix{}, failure{
			status: http.StatusBadRequest, code: "MissingParameter", message: "The request must contain exactly one of destinationCidrBlock and destinationIpv6CidrBlock",
		}
	}
	name, text := "destinationCidrBlock", v4
	if v6 != "" {
		name, text = "destinationIpv6CidrBlock", v6
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4() != (v4 != "") || p != p.Masked() {
		return netip.Prefix{}, invalid("Value (" + text + ") for parameter " + name + " is invalid. This is not a valid CIDR block.")
	}
	return p, nil
}

// hop is the target that a route action names: one only.
func (c *call) hop() (string, error) {
	var hops []string
	for _, name := range []string{"NetworkInterfaceId", "GatewayId", "NatGatewayId", "TransitGatewayId"} {
		if v := c.params[name]; v != "" {
			hops = append(hops, v)
		}
	}
	if c.params["InstanceId"] != "" {
		i, err := c.interfaceOf()
		if err != nil {
			return "", err
		}
		hops = append(hops, i.ID)
	}
	if len(hops) != 1 {
		return "", failure{status: http.StatusBadRequest, code: "InvalidParameterCombination", message: "The request must contain exactly one target of the route"}
	}
	if id := c.params["NetworkInterfaceId"]; id != "" {
		if _, ok := c.now.interfaces[id]; !ok {
			return "", noInterface(id)
		}
	}
	return hops[0], nil
}

// createRoute makes a route that is not there yet. Into a VPC's own range only whole
// subnets may be routed.
func (c *call) createRoute() (any, error) {
	return &done{Return: true}, c.route(func(t *RouteTable, at int, r Route) error {
		if at >= 0 {
			return failure{status: http.StatusBadRequest, code: "RouteAlreadyExists", message: "The route identified by " + r.Destination.String() + " already exists."}
		}
		if c.w.vpcs[t.VPC].contains(r.Destination) && !c.isSubnet(r.Destination) {
			return invalid("Route destination doesn't match any subnet CIDR blocks.")
		}
		t.Routes = append(slices.Clone(t.Routes), r)
		return nil
	})
}

func (c *call) isSubnet(p netip.Prefix) bool {
	for _, s := range c.w.subnets {
		if s.CIDR == p || s.IPv6 == p {
			return true
		}
	}
	return false
}

// replaceRoute: a route that is not there is InvalidParameterValue, as AWS answers
// it, not the InvalidRoute.NotFound of its list of errors.
func (c *call) replaceRoute() (any, error) {
	return &done{Return: true}, c.route(func(t *RouteTable, at int, r Route) error {
		if at < 0 {
			return invalid("There is no route defined for '" + r.Destination.String() + "' in the route table. Use CreateRoute instead.")
		}
		t.Routes = slices.Clone(t.Routes)
		t.Routes[at] = r
		return nil
	})
}

// deleteRoute deletes whatever the route goes to: EC2 knows no condition.
func (c *call) deleteRoute() (any, error) {
	dst, err := c.destination()
	if err != nil {
		return nil, err
	}
	return &done{Return: true}, c.change(func() error {
		t, ok := c.now.tables[c.params["RouteTableId"]]
		if !ok {
			return noTable(c.params["RouteTableId"])
		}
		at := slices.IndexFunc(t.Routes, func(r Route) bool { return r.Destination == dst })
		if at < 0 {
			return failure{
				status: http.StatusBadRequest, code: "InvalidRoute.NotFound",
				message: "no route with destination-cidr-block " + dst.String() + " in route table " + t.ID,
			}
		}
		t.Routes = slices.Delete(slices.Clone(t.Routes), at, at+1)
		c.now.tables[t.ID] = t
		return nil
	})
}

// route finds the table and the route in it, and has it changed.
func (c *call) route(change func(t *RouteTable, at int, r Route) error) error {
	dst, err := c.destination()
	if err != nil {
		return err
	}
	return c.change(func() error {
		t, ok := c.now.tables[c.params["RouteTableId"]]
		if !ok {
			return noTable(c.params["RouteTableId"])
		}
		target, err := c.hop()
		if err != nil {
			return err
		}
		if i, ok := c.now.interfaces[target]; ok && c.w.subnets[i.Subnet].VPC != t.VPC {
			return invalid("Route table " + t.ID + " and interface " + target + " belong to different networks")
		}
		at := slices.IndexFunc(t.Routes, func(r Route) bool { return r.Destination == dst })
		if err := change(&t, at, Route{dst, target}); err != nil {
			return err
		}
		c.now.tables[t.ID] = t
		return nil
	})
}

func noTable(id string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidRouteTableID.NotFound", message: "The routeTable ID '" + id + "' does not exist"}
}

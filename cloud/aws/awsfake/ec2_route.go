// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
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

type tablesAnswer struct {
	Tables []tableItem `xml:"routeTableSet>item"`
	Next   string      `xml:"nextToken,omitempty"`
}

type tableItem struct {
	ID           string             `xml:"routeTableId"`
	VPC          string             `xml:"vpcId"`
	Owner        string             `xml:"ownerId"`
	Routes       []routeItem        `xml:"routeSet>item"`
	Associations []tableAssociation `xml:"associationSet>item"`
	Tags         []tagItem          `xml:"tagSet>item"`
}

type routeItem struct {
	V4        string `xml:"destinationCidrBlock,omitempty"`
	V6        string `xml:"destinationIpv6CidrBlock,omitempty"`
	Gateway   string `xml:"gatewayId,omitempty"`
	NAT       string `xml:"natGatewayId,omitempty"`
	Transit   string `xml:"transitGatewayId,omitempty"`
	Instance  string `xml:"instanceId,omitempty"`
	Owner     string `xml:"instanceOwnerId,omitempty"`
	Interface string `xml:"networkInterfaceId,omitempty"`
	State     string `xml:"state"`
	Origin    string `xml:"origin"`
}

type tableAssociation struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"`
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

// describeTables shows the routes with their states.
func (c *call) describeTables() (any, error) {
	s := c.describe()
	known := []string{
		"route-table-id", "vpc-id", "owner-id", "association.subnet-id", "association.main", "route.destination-cidr-block",
		"route.destination-ipv6-cidr-block", "route.state", "route.instance-id", "route.gateway-id", "route.origin",
	}
	items, next, err := list(c, lister[RouteTable, tableItem]{
		ids: "RouteTableId", all: s.tables, missing: noTable, known: known, least: 5, most: 100,
		fields: func(t RouteTable) fields { return s.tableFields(t) },
		item:   func(t RouteTable) tableItem { return s.tableItem(t) },
	})
	return &tablesAnswer{Tables: items, Next: next}, err
}

func (s *state) tableFields(t RouteTable) fields {
	item := s.tableItem(t)
	f := fields{"route-table-id": {t.ID}, "vpc-id": {t.VPC}, "owner-id": {t.Account}, "association.subnet-id": t.Subnets}
	for _, a := range item.Associations {
		f.add("association.main", map[bool]string{true: "true", false: "false"}[a.Main])
	}
	for _, r := range item.Routes {
		f.add("route.destination-cidr-block", r.V4)
		f.add("route.destination-ipv6-cidr-block", r.V6)
		f.add("route.state", r.State)
		f.add("route.instance-id", r.Instance)
		f.add("route.gateway-id", r.Gateway)
		f.add("route.origin", r.Origin)
	}
	return f.tags(t.Tags)
}

func (s *state) tableItem(t RouteTable) tableItem {
	item := tableItem{ID: t.ID, VPC: t.VPC, Owner: t.Account, Tags: tagItems(t.Tags)}
	if t.Main {
		item.Associations = append(item.Associations, tableAssociation{ID: "rtbassoc-main" + t.ID[4:], Table: t.ID, Main: true, State: "associated"})
	}
	for _, subnet := range t.Subnets {
		item.Associations = append(item.Associations, tableAssociation{ID: "rtbassoc-" + subnet[7:], Table: t.ID, Subnet: subnet, State: "associated"})
	}
	for _, r := range t.Routes {
		item.Routes = append(item.Routes, s.routeItem(r))
	}
	return item
}

func (s *state) routeItem(r Route) routeItem {
	item := routeItem{State: "active", Origin: "CreateRoute"}
	if r.Destination.Addr().Is4() {
		item.V4 = r.Destination.String()
	} else {
		item.V6 = r.Destination.String()
	}
	switch {
	case r.Target == "local":
		item.Gateway, item.Origin = r.Target, "CreateRouteTable"
	case strings.HasPrefix(r.Target, "nat-"):
		item.NAT = r.Target
	case strings.HasPrefix(r.Target, "tgw-"):
		item.Transit = r.Target
	case strings.HasPrefix(r.Target, "eni-"):
		i := s.interfaces[r.Target]
		item.Interface, item.Instance = r.Target, i.Instance
		if i.Instance != "" {
			item.Owner = i.Account
		}
	default:
		item.Gateway = r.Target
	}
	if !s.lives(r.Target) {
		item.State = "blackhole"
	}
	return item
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import "strings"

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

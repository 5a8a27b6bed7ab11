// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
)

type subnetsAnswer struct {
	Subnets []subnetItem `xml:"subnetSet>item"`
	Next    string       `xml:"nextToken,omitempty"`
}

type subnetItem struct {
	ID    string      `xml:"subnetId"`
	VPC   string      `xml:"vpcId"`
	State string      `xml:"state"`
	CIDR  string      `xml:"cidrBlock"`
	Zone  string      `xml:"availabilityZone"`
	Owner string      `xml:"ownerId"`
	IPv6  []blockItem `xml:"ipv6CidrBlockAssociationSet>item"`
	Tags  []tagItem   `xml:"tagSet>item"`
}

// blockItem is a CIDR of a VPC or subnet, of one family.
type blockItem struct {
	V4 string     `xml:"cidrBlock,omitempty"`
	V6 string     `xml:"ipv6CidrBlock,omitempty"`
	S4 *blockWord `xml:"cidrBlockState,omitempty"`
	S6 *blockWord `xml:"ipv6CidrBlockState,omitempty"`
}

type blockWord struct {
	State string `xml:"state"`
}

func blockItems(ps ...netip.Prefix) (v4, v6 []blockItem) {
	for _, p := range ps {
		switch {
		case !p.IsValid():
		case p.Addr().Is4():
			v4 = append(v4, blockItem{V4: p.String(), S4: &blockWord{"associated"}})
		default:
			v6 = append(v6, blockItem{V6: p.String(), S6: &blockWord{"associated"}})
		}
	}
	return v4, v6
}

func noSubnet(id string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidSubnetID.NotFound", message: "The subnet ID '" + id + "' does not exist"}
}

func (c *call) describeSubnets() (any, error) {
	items, next, err := list(c, lister[Subnet, subnetItem]{
		ids: "SubnetId", all: c.w.subnets, known: []string{"subnet-id", "vpc-id", "availability-zone"}, least: 5, most: 1000,
		missing: noSubnet,
		fields: func(s Subnet) fields {
			return fields{"subnet-id": {s.ID}, "vpc-id": {s.VPC}, "availability-zone": {s.Zone}}.tags(s.Tags)
		},
		item: func(s Subnet) subnetItem {
			_, v6 := blockItems(s.IPv6)
			return subnetItem{ID: s.ID, VPC: s.VPC, State: "available", CIDR: s.CIDR.String(), Zone: s.Zone, Owner: c.w.account, IPv6: v6, Tags: tagItems(s.Tags)}
		},
	})
	return &subnetsAnswer{Subnets: items, Next: next}, err
}

type vpcsAnswer struct {
	VPCs []vpcItem `xml:"vpcSet>item"`
	Next string    `xml:"nextToken,omitempty"`
}

type vpcItem struct {
	ID    string      `xml:"vpcId"`
	State string      `xml:"state"`
	CIDR  string      `xml:"cidrBlock"`
	Owner string      `xml:"ownerId"`
	V4    []blockItem `xml:"cidrBlockAssociationSet>item"`
	V6    []blockItem `xml:"ipv6CidrBlockAssociationSet>item"`
	Tags  []tagItem   `xml:"tagSet>item"`
}

func (c *call) describeVPCs() (any, error) {
	items, next, err := list(c, lister[VPC, vpcItem]{
		ids: "VpcId", all: c.w.vpcs, known: []string{"vpc-id"}, least: 5, most: 1000,
		missing: func(id string) failure {
			return failure{status: http.StatusBadRequest, code: "InvalidVpcID.NotFound", message: "The vpc ID '" + id + "' does not exist"}
		},
		fields: func(v VPC) fields { return fields{"vpc-id": {v.ID}}.tags(v.Tags) },
		item: func(v VPC) vpcItem {
			item := vpcItem{ID: v.ID, State: "available", Owner: c.w.account, Tags: tagItems(v.Tags)}
			item.V4, item.V6 = blockItems(v.CIDRs...)
			if len(item.V4) > 0 {
				item.CIDR = item.V4[0].V4
			}
			return item
		},
	})
	return &vpcsAnswer{VPCs: items, Next: next}, err
}

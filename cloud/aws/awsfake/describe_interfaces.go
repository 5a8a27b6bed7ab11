// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/netip"
	"strconv"
)

type interfacesAnswer struct {
	Interfaces []interfaceItem `xml:"networkInterfaceSet>item"`
	Next       string          `xml:"nextToken,omitempty"`
}

type interfaceItem struct {
	ID          string           `xml:"networkInterfaceId"`
	Subnet      string           `xml:"subnetId"`
	VPC         string           `xml:"vpcId"`
	Zone        string           `xml:"availabilityZone"`
	Owner       string           `xml:"ownerId"`
	Status      string           `xml:"status"`
	MAC         string           `xml:"macAddress"`
	Primary     string           `xml:"privateIpAddress"`
	Check       bool             `xml:"sourceDestCheck"`
	Kind        string           `xml:"interfaceType"`
	Description string           `xml:"description"`
	Groups      []groupItem      `xml:"groupSet>item"`
	Attachment  *attachmentItem  `xml:"attachment,omitempty"`
	Association *associationItem `xml:"association,omitempty"`
	Private     []privateItem    `xml:"privateIpAddressesSet>item"`
	IPv6        []ipv6Item       `xml:"ipv6AddressesSet>item"`
	Tags        []tagItem        `xml:"tagSet>item"`
}

type attachmentItem struct {
	ID       string `xml:"attachmentId"`
	Instance string `xml:"instanceId"`
	Owner    string `xml:"instanceOwnerId,omitempty"`
	Device   int    `xml:"deviceIndex"`
	Status   string `xml:"status"`
	Deleted  bool   `xml:"deleteOnTermination"`
}

type groupItem struct {
	ID string `xml:"groupId"`
}

type associationItem struct {
	Public      string `xml:"publicIp"`
	Allocation  string `xml:"allocationId,omitempty"`
	Association string `xml:"associationId,omitempty"`
	Owner       string `xml:"ipOwnerId"`
}

type privateItem struct {
	Address     string           `xml:"privateIpAddress"`
	Primary     bool             `xml:"primary"`
	Association *associationItem `xml:"association,omitempty"`
}

type ipv6Item struct {
	Address string `xml:"ipv6Address"`
}

// describeInterfaces shows interfaces with their addresses, the primary one first.
func (c *call) describeInterfaces() (any, error) {
	s := c.describe()
	items, next, err := list(c, lister[Interface, interfaceItem]{
		ids: "NetworkInterfaceId", all: s.interfaces, missing: noInterface, least: 5, most: 1000,
		known: []string{
			"network-interface-id", "subnet-id", "vpc-id", "availability-zone", "owner-id", "status", "mac-address", "private-ip-address",
			"source-dest-check", "attachment.instance-id", "attachment.device-index", "attachment.status", "addresses.private-ip-address",
			"addresses.primary", "addresses.association.public-ip", "association.allocation-id", "association.association-id",
			"association.public-ip", "ipv6-addresses.ipv6-address",
		},
		fields: func(i Interface) fields { return s.interfaceFields(&c.w.region, i) },
		item:   func(i Interface) interfaceItem { return s.interfaceItem(&c.w.region, i) },
	})
	return &interfacesAnswer{Interfaces: items, Next: next}, err
}

func (s *state) interfaceItem(r *region, i Interface) interfaceItem {
	subnet := r.subnets[i.Subnet]
	item := interfaceItem{
		ID: i.ID, Subnet: i.Subnet, VPC: subnet.VPC, Zone: subnet.Zone, Owner: i.Account, MAC: i.MAC, Primary: i.Primary.String(),
		Check: !i.NoCheck, Status: "available", Tags: tagItems(i.Tags), Association: s.associationItem(i, i.Primary),
		Kind: "interface", Description: i.Description,
	}
	for _, id := range i.Groups {
		item.Groups = append(item.Groups, groupItem{id})
	}
	if i.Instance != "" {
		item.Status = "in-use"
		item.Attachment = &attachmentItem{ID: "eni-attach-" + i.ID[4:], Instance: i.Instance, Owner: i.Account, Device: i.Device, Status: "attached", Deleted: !i.Kept}
	}
	item.Private = s.privateItems(i)
	for _, a := range i.IPv6 {
		item.IPv6 = append(item.IPv6, ipv6Item{a.String()})
	}
	return item
}

func (s *state) privateItems(i Interface) []privateItem {
	items := []privateItem{{Address: i.Primary.String(), Primary: true, Association: s.associationItem(i, i.Primary)}}
	for _, a := range i.Secondary {
		items = append(items, privateItem{Address: a.String(), Association: s.associationItem(i, a)})
	}
	return items
}

// associationItem is the Elastic IP of an address, nil if it has none.
func (s *state) associationItem(i Interface, private netip.Addr) *associationItem {
	a, ok := s.eip(i.ID, private)
	if !ok {
		return nil
	}
	return &associationItem{Public: a.Public.String(), Allocation: a.Allocation, Association: a.association, Owner: a.Account}
}

func (s *state) interfaceFields(r *region, i Interface) fields {
	item := s.interfaceItem(r, i)
	f := fields{
		"network-interface-id": {item.ID}, "subnet-id": {item.Subnet}, "vpc-id": {item.VPC}, "availability-zone": {item.Zone},
		"owner-id": {item.Owner}, "status": {item.Status}, "mac-address": {item.MAC}, "private-ip-address": {item.Primary},
		"source-dest-check": {strconv.FormatBool(item.Check)},
	}
	if at := item.Attachment; at != nil {
		f.add("attachment.instance-id", at.Instance)
		f.add("attachment.device-index", strconv.Itoa(at.Device))
		f.add("attachment.status", at.Status)
	}
	for _, p := range item.Private {
		f.add("addresses.private-ip-address", p.Address)
		f.add("addresses.primary", strconv.FormatBool(p.Primary))
		if a := p.Association; a != nil {
			f.add("addresses.association.public-ip", a.Public)
			f.add("association.allocation-id", a.Allocation)
			f.add("association.association-id", a.Association)
			f.add("association.public-ip", a.Public)
		}
	}
	for _, a := range item.IPv6 {
		f.add("ipv6-addresses.ipv6-address", a.Address)
	}
	return f.tags(i.Tags)
}

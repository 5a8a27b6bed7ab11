// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"cmp"
	"net/http"
)

type instancesAnswer struct {
	Reservations []reservationItem `xml:"reservationSet>item"`
	Next         string            `xml:"nextToken,omitempty"`
}

type reservationItem struct {
	ID        string         `xml:"reservationId"`
	Owner     string         `xml:"ownerId"`
	Instances []instanceItem `xml:"instancesSet>item"`
}

type instanceItem struct {
	ID         string        `xml:"instanceId"`
	Type       string        `xml:"instanceType"`
	State      stateItem     `xml:"instanceState"`
	Subnet     string        `xml:"subnetId,omitempty"`
	VPC        string        `xml:"vpcId,omitempty"`
	Private    string        `xml:"privateIpAddress,omitempty"`
	Public     string        `xml:"ipAddress,omitempty"`
	Check      bool          `xml:"sourceDestCheck"`
	Zone       string        `xml:"placement>availabilityZone,omitempty"`
	Profile    *profileItem  `xml:"iamInstanceProfile,omitempty"`
	Metadata   metadataItem  `xml:"metadataOptions"`
	Interfaces []instanceNIC `xml:"networkInterfaceSet>item"`
	Tags       []tagItem     `xml:"tagSet>item"`
}

type stateItem struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type profileItem struct {
	ARN string `xml:"arn"`
	ID  string `xml:"id"`
}

type metadataItem struct {
	State    string `xml:"state"`
	Tokens   string `xml:"httpTokens"`
	HopLimit int    `xml:"httpPutResponseHopLimit"`
	Endpoint string `xml:"httpEndpoint"`
	IPv6     string `xml:"httpProtocolIpv6"`
	Tags     string `xml:"instanceMetadataTags"`
}

type instanceNIC struct {
	ID         string          `xml:"networkInterfaceId"`
	Subnet     string          `xml:"subnetId"`
	VPC        string          `xml:"vpcId"`
	MAC        string          `xml:"macAddress"`
	Status     string          `xml:"status"`
	Primary    string          `xml:"privateIpAddress"`
	Check      bool            `xml:"sourceDestCheck"`
	Attachment *attachmentItem `xml:"attachment,omitempty"`
	Private    []privateItem   `xml:"privateIpAddressesSet>item"`
	IPv6       []ipv6Item      `xml:"ipv6AddressesSet>item"`
}

func (c *call) describeInstances() (any, error) {
	s, r := c.describe(), &c.w.region
	items, next, err := list(c, lister[Instance, reservationItem]{
		ids: "InstanceId", all: s.instances, least: 5, most: 1000,
		missing: func(id string) failure {
			return failure{status: http.StatusBadRequest, code: "InvalidInstanceID.NotFound", message: "The instance ID '" + id + "' does not exist"}
		},
		known: []string{
			"instance-id", "instance-type", "instance-state-name", "subnet-id", "vpc-id", "availability-zone", "private-ip-address",
			"network-interface.network-interface-id", "network-interface.addresses.private-ip-address",
		},
		fields: func(i Instance) fields { return s.instanceFields(r, i) },
		item: func(i Instance) reservationItem {
			return reservationItem{ID: "r-" + i.ID[2:], Owner: r.account, Instances: []instanceItem{s.instanceItem(r, i)}}
		},
	})
	return &instancesAnswer{Reservations: items, Next: next}, err
}

func (s *state) instanceItem(r *region, i Instance) instanceItem {
	tokens := "required"
	if i.OptionalTokens {
		tokens = "optional"
	}
	item := instanceItem{
		ID: i.ID, Type: i.Type, Tags: tagItems(i.Tags), State: stateItem{map[string]int{Running: 16, Terminated: 48, Stopped: 80}[i.State], i.State},
		Metadata: metadataItem{State: "applied", Tokens: tokens, HopLimit: i.HopLimit, Endpoint: "enabled", IPv6: "disabled", Tags: "disabled"},
	}
	if i.Role != "" {
		item.Profile = &profileItem{ARN: "arn:aws:iam::" + r.account + ":instance-profile/" + cmp.Or(i.Profile, i.Role), ID: "AIPA" + i.Role}
	}
	for _, n := range s.attached(i.ID) {
		one := s.interfaceItem(r, n)
		item.Interfaces = append(item.Interfaces, instanceNIC{
			ID: one.ID, Subnet: one.Subnet, VPC: one.VPC, MAC: one.MAC, Status: one.Status, Primary: one.Primary, Check: one.Check,
			Attachment: one.Attachment, Private: one.Private, IPv6: one.IPv6,
		})
		if n.Device == 0 {
			item.Subnet, item.VPC, item.Zone, item.Private, item.Check = one.Subnet, one.VPC, one.Zone, one.Primary, one.Check
			if one.Association != nil {
				item.Public = one.Association.Public
			}
		}
	}
	return item
}

func (s *state) instanceFields(r *region, i Instance) fields {
	item := s.instanceItem(r, i)
	f := fields{"instance-id": {i.ID}, "instance-type": {i.Type}, "instance-state-name": {i.State}}
	f.add("subnet-id", item.Subnet)
	f.add("vpc-id", item.VPC)
	f.add("availability-zone", item.Zone)
	f.add("private-ip-address", item.Private)
	for _, n := range item.Interfaces {
		f.add("network-interface.network-interface-id", n.ID)
		for _, p := range n.Private {
			f.add("network-interface.addresses.private-ip-address", p.Address)
		}
	}
	return f.tags(i.Tags)
}

type typesAnswer struct {
	Types []typeItem `xml:"instanceTypeSet>item"`
	Next  string     `xml:"nextToken,omitempty"`
}

type typeItem struct {
	Name       string `xml:"instanceType"`
	Interfaces int    `xml:"networkInfo>maximumNetworkInterfaces"`
	IPv4       int    `xml:"networkInfo>ipv4AddressesPerInterface"`
	IPv6       int    `xml:"networkInfo>ipv6AddressesPerInterface"`
	HasIPv6    bool   `xml:"networkInfo>ipv6Supported"`
}

func (c *call) describeTypes() (any, error) {
	named := map[string]typeItem{}
	for name, t := range c.w.types {
		named[name] = typeItem{name, t.Interfaces, t.IPv4, t.IPv6, t.IPv6 > 0}
	}
	items, next, err := list(c, lister[typeItem, typeItem]{
		ids: "InstanceType", all: named, known: []string{"instance-type"}, least: 5, most: 100,
		missing: func(id string) failure {
			return failure{status: http.StatusBadRequest, code: "InvalidInstanceType", message: "The following supplied instance types do not exist: [" + id + "]"}
		},
		fields: func(t typeItem) fields { return fields{"instance-type": {t.Name}} },
		item:   func(t typeItem) typeItem { return t },
	})
	return &typesAnswer{Types: items, Next: next}, err
}

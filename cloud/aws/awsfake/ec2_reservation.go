// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"maps"
	"net/http"
	"net/netip"
	"slices"
)

// reservation keeps addresses of a subnet from being given to interfaces that don't
// ask for them.
type reservation struct {
	id, subnet, account string
	cidr                netip.Prefix
	description         string
	tags                map[string]string
}

type reservedItem struct {
	ID          string    `xml:"subnetCidrReservationId"`
	Subnet      string    `xml:"subnetId"`
	CIDR        string    `xml:"cidr"`
	Type        string    `xml:"reservationType"`
	Owner       string    `xml:"ownerId"`
	Description string    `xml:"description,omitempty"`
	Tags        []tagItem `xml:"tagSet>item"`
}

func (r reservation) item() reservedItem {
	return reservedItem{r.id, r.subnet, r.cidr.String(), "explicit", r.account, r.description, tagItems(r.tags)}
}

func askSubnet(c *call) ([]access, error) {
	id, err := c.need("SubnetId")
	if err != nil {
		return nil, err
	}
	return []access{c.resource("subnet", id, c.w.account, c.w.subnets[id].Tags)}, nil
}

func askReservation(c *call) ([]access, error) {
	id, err := c.need("SubnetCidrReservationId")
	if err != nil {
		return nil, err
	}
	r := c.now.reservations[id]
	return []access{c.resource("subnet-cidr-reservation", id, c.owner(r.account), r.tags)}, nil
}

type oneReservation struct {
	Made *reservedItem `xml:"subnetCidrReservation,omitempty"`
	Gone *reservedItem `xml:"deletedSubnetCidrReservation,omitempty"`
}

// reserve reserves addresses of IPv4 that interfaces get only by their address
// ("explicit"). What the API answers for a range that is reserved already is not
// documented.
func (c *call) reserve() (any, error) {
	tags, err := c.newTags("subnet-cidr-reservation")
	if err != nil {
		return nil, err
	}
	p, err := netip.ParsePrefix(c.params["Cidr"])
	if err != nil || !p.Addr().Is4() || p != p.Masked() || c.params["ReservationType"] != "explicit" {
		return nil, invalid("Value (" + c.params["Cidr"] + ") for parameter cidr, or that of reservationType, is invalid.")
	}
	out := &oneReservation{}
	return out, c.change(func() error {
		subnet, ok := c.w.subnets[c.params["SubnetId"]]
		if !ok {
			return noSubnet(c.params["SubnetId"])
		}
		if !subnet.CIDR.Overlaps(p) || subnet.CIDR.Bits() > p.Bits() {
			return invalid("The CIDR " + p.String() + " is not within the subnet's")
		}
		for _, other := range c.now.reservations {
			if other.subnet == subnet.ID && other.cidr.Overlaps(p) {
				return failure{status: http.StatusBadRequest, code: "InvalidCidr.Conflict", message: "The CIDR " + p.String() + " overlaps with " + other.id}
			}
		}
		r := reservation{c.w.newID("scr"), subnet.ID, c.who.account, p, c.params["Description"], tags}
		c.now.reservations[r.id] = r
		item := r.item()
		out.Made = &item
		return nil
	})
}

func (c *call) unreserve() (any, error) {
	out := &oneReservation{}
	return out, c.change(func() error {
		r, ok := c.now.reservations[c.params["SubnetCidrReservationId"]]
		if !ok {
			return failure{
				status: http.StatusBadRequest, code: "InvalidSubnetCidrReservationID.NotFound",
				message: "The subnet CIDR reservation ID '" + c.params["SubnetCidrReservationId"] + "' does not exist",
			}
		}
		delete(c.now.reservations, r.id)
		item := r.item()
		out.Gone = &item
		return nil
	})
}

type reservationsAnswer struct {
	V4 []reservedItem `xml:"subnetIpv4CidrReservationSet>item"`
}

// reservations are those of a subnet, on one page.
func (c *call) reservations() (any, error) {
	id, err := c.need("SubnetId")
	if err != nil {
		return nil, err
	}
	if _, ok := c.w.subnets[id]; !ok {
		return nil, noSubnet(id)
	}
	out := &reservationsAnswer{}
	all := c.describe().reservations
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if r := all[key]; r.subnet == id {
			out.V4 = append(out.V4, r.item())
		}
	}
	return out, nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
)

// mostAddresses is the quota of Elastic IPs that a new account has in a region.
const mostAddresses = 5

func askNewAddress(c *call) ([]access, error) {
	return []access{c.resource("elastic-ip", "*", c.who.account, nil)}, nil
}

func askAddress(c *call) ([]access, error) {
	id, err := c.need("AllocationId")
	if err != nil {
		return nil, err
	}
	a := c.now.addresses[id]
	return []access{c.resource("elastic-ip", id, c.owner(a.Account), a.Tags)}, nil
}

type allocation struct {
	Public string `xml:"publicIp"`
	ID     string `xml:"allocationId"`
	Domain string `xml:"domain"`
	Pool   string `xml:"publicIpv4Pool"`
	Border string `xml:"networkBorderGroup"`
}

// allocate allocates an Elastic IP, 203.0.113.1 and up.
func (c *call) allocate() (any, error) {
	tags, err := c.newTags("elastic-ip")
	if err != nil {
		return nil, err
	}
	if c.params["Domain"] != "vpc" {
		return nil, invalid("Value (" + c.params["Domain"] + ") for parameter domain is invalid.")
	}
	out := &allocation{Domain: "vpc", Pool: "amazon", Border: c.w.name}
	return out, c.change(func() error {
		used, own := map[netip.Addr]bool{}, 0
		for _, a := range c.now.addresses {
			used[a.Public] = true
			if a.Account == c.who.account {
				own++
			}
		}
		if own >= mostAddresses {
			return failure{status: http.StatusBadRequest, code: "AddressLimitExceeded", message: "The maximum number of addresses has been reached."}
		}
		public := netip.AddrFrom4([4]byte{203, 0, 113, 1})
		for used[public] {
			public = public.Next()
		}
		a := Address{Allocation: c.w.newID("eipalloc"), Public: public, Account: c.who.account, Tags: tags}
		c.now.addresses[a.Allocation] = a
		out.ID, out.Public = a.Allocation, public.String()
		return nil
	})
}

// release: "you must first disassociate it".
func (c *call) release() (any, error) {
	return &done{Return: true}, c.change(func() error {
		a, ok := c.now.addresses[c.params["AllocationId"]]
		if !ok {
			return noAllocation(c.params["AllocationId"])
		}
		if a.association != "" {
			return inUse(a.Public)
		}
		delete(c.now.addresses, a.Allocation)
		return nil
	})
}

type addressNames struct {
	Addresses []addressName `xml:"addressSet>item"`
}

type addressName struct {
	Public     string `xml:"publicIp"`
	Allocation string `xml:"allocationId"`
}

// addressNames are the names of Elastic IPs in DNS: none has one here.
func (c *call) addressNames() (any, error) {
	if c.params["Attribute"] != "domain-name" {
		return nil, invalid("Value (" + c.params["Attribute"] + ") for parameter attribute is invalid.")
	}
	s, out := c.describe(), &addressNames{}
	for _, id := range c.list("AllocationId") {
		a, ok := s.addresses[id]
		if !ok {
			return nil, noAllocation(id)
		}
		out.Addresses = append(out.Addresses, addressName{a.Public.String(), id})
	}
	return out, nil
}

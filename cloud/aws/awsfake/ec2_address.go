// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// askInterface asks for the interface that an action names: the one that is to get
// or lose addresses. Nobody is asked about the one that loses them to it.
func askInterface(c *call) ([]access, error) {
	id, err := c.need("NetworkInterfaceId")
	if err != nil {
		return nil, err
	}
	i := c.now.interfaces[id]
	account := i.Account
	if account == "" {
		account = c.who.account
	}
	return []access{c.resource("network-interface", id, account, i.Tags)}, nil
}

func noInterface(id string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidNetworkInterfaceID.NotFound", message: "The networkInterface ID '" + id + "' does not exist"}
}

// change makes a change, with what is now.
func (c *call) change(f func() error) error {
	return c.w.change(func(s *state) error {
		c.now = s
		return f()
	})
}

// target is the interface that the action names.
func (c *call) target() (Interface, error) {
	id := c.params["NetworkInterfaceId"]
	i, ok := c.now.interfaces[id]
	if !ok {
		return Interface{}, noInterface(id)
	}
	return i, nil
}

type assigned struct {
	Interface string           `xml:"networkInterfaceId"`
	Addresses []privateAddress `xml:"assignedPrivateIpAddressesSet>item"`
}

type privateAddress struct {
	Address string `xml:"privateIpAddress"`
}

// assignPrivate: "Assigns the specified secondary private IP addresses to the
// specified network interface." With AllowReassignment it takes them from whichever
// interface has them; a primary address never moves. All move, or none.
func (c *call) assignPrivate() (any, error) {
	as, err := c.addresses("PrivateIpAddress", true)
	if err != nil {
		return nil, err
	}
	steal, err := c.flag("AllowReassignment", false)
	if err != nil {
		return nil, err
	}
	if len(as) == 0 {
		return nil, failure{status: http.StatusBadRequest, code: "MissingParameter", message: "Either the privateIpAddress set or a count must be specified"}
	}
	out := &assigned{Interface: c.params["NetworkInterfaceId"]}
	for _, a := range as {
		out.Addresses = append(out.Addresses, privateAddress{a.String()})
	}
	return out, c.change(func() error { return c.assign(as, steal) })
}

// assign moves IPv4 addresses to the interface that the action names.
func (c *call) assign(as []netip.Addr, steal bool) error {
	to, err := c.target()
	if err != nil {
		return err
	}
	subnet := c.w.subnets[to.Subnet]
	var held []string
	for _, a := range as {
		switch {
		case !subnet.CIDR.Contains(a):
			return invalid("Address does not fall within the subnet's address range")
		case reserved(subnet.CIDR, a):
			return invalid("Address " + a.String() + " is in subnet's reserved range.")
		}
		from, ok := c.now.holder(&c.w.region, subnet.VPC, a)
		switch {
		case !ok || from.ID == to.ID:
		case from.Primary == a:
			// As AWS answers, in full.
			return invalid("secondary-addresses")
		case !steal:
			held = append(held, a.String())
		}
	}
	if len(held) > 0 {
		return invalid("[" + strings.Join(held, ", ") + "] assigned, but move is not allowed.")
	}
	for _, a := range as {
		if slices.Contains(to.all(), a) {
			continue
		}
		if from, ok := c.now.holder(&c.w.region, subnet.VPC, a); ok {
			c.now.drop(from, a, to.ID)
		}
		c.now.add(c.now.interfaces[to.ID], a)
	}
	if 1+len(c.now.interfaces[to.ID].Secondary) > c.now.limit(&c.w.region, to).IPv4 {
		return failure{status: http.StatusBadRequest, code: "PrivateIpAddressLimitExceeded", message: "Number of private addresses will exceed limit."}
	}
	return nil
}

// unassignPrivate takes secondary addresses away from an interface. An Elastic IP of
// one is disassociated.
func (c *call) unassignPrivate() (any, error) {
	as, err := c.addresses("PrivateIpAddress", true)
	if err != nil {
		return nil, err
	}
	if len(as) == 0 {
		return nil, failure{status: http.StatusBadRequest, code: "MissingParameter", message: "The request must contain the parameter privateIpAddresses"}
	}
	return &done{Return: true}, c.change(func() error {
		i, err := c.target()
		if err != nil {
			return err
		}
		for _, a := range as {
			if a == i.Primary {
				return invalid("Value (" + a.String() + ") for parameter privateIpAddress is invalid. The primary IP address of an interface cannot be unassigned.")
			}
			if !slices.Contains(i.Secondary, a) {
				return invalid("Some of the specified addresses are not assigned to interface " + i.ID)
			}
		}
		for _, a := range as {
			c.now.drop(c.now.interfaces[i.ID], a, "")
		}
		return nil
	})
}

type assigned6 struct {
	Interface string   `xml:"networkInterfaceId"`
	Addresses []string `xml:"assignedIpv6Addresses>item"`
}

// assignIPv6 assigns IPv6 addresses that nobody has: there is no AllowReassignment.
// The code for one that another interface has is not documented; this is the one
// that the list of errors describes.
func (c *call) assignIPv6() (any, error) {
	as, err := c.addresses("Ipv6Addresses", false)
	if err != nil {
		return nil, err
	}
	if len(as) == 0 {
		return nil, failure{status: http.StatusBadRequest, code: "MissingParameter", message: "Either the ipv6Addresses or a count must be specified"}
	}
	out := &assigned6{Interface: c.params["NetworkInterfaceId"]}
	for _, a := range as {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out, c.change(func() error {
		to, err := c.target()
		if err != nil {
			return err
		}
		subnet := c.w.subnets[to.Subnet]
		for _, a := range as {
			if !subnet.IPv6.IsValid() || !subnet.IPv6.Contains(a) {
				return invalid("Address does not fall within the subnet's address range")
			}
			from, ok := c.now.holder(&c.w.region, subnet.VPC, a)
			if ok && from.ID != to.ID {
				return failure{status: http.StatusBadRequest, code: "InvalidIPAddress.InUse", message: "The specified address " + a.String() + " is already in use."}
			}
			if !ok {
				c.now.add(c.now.interfaces[to.ID], a)
			}
		}
		if len(c.now.interfaces[to.ID].IPv6) > c.now.limit(&c.w.region, to).IPv6 {
			return failure{status: http.StatusBadRequest, code: "PrivateIpAddressLimitExceeded", message: "Number of IPv6 addresses will exceed limit."}
		}
		return nil
	})
}

type unassigned6 struct {
	Interface string   `xml:"networkInterfaceId"`
	Addresses []string `xml:"unassignedIpv6Addresses>item"`
}

func (c *call) unassignIPv6() (any, error) {
	as, err := c.addresses("Ipv6Addresses", false)
	if err != nil {
		return nil, err
	}
	if len(as) == 0 {
		return nil, failure{status: http.StatusBadRequest, code: "MissingParameter", message: "The request must contain the parameter ipv6Addresses"}
	}
	out := &unassigned6{Interface: c.params["NetworkInterfaceId"]}
	for _, a := range as {
		out.Addresses = append(out.Addresses, a.String())
	}
	return out, c.change(func() error {
		i, err := c.target()
		if err != nil {
			return err
		}
		for _, a := range as {
			if !slices.Contains(i.IPv6, a) {
				return invalid("Some of the specified addresses are not assigned to interface " + i.ID)
			}
			c.now.drop(c.now.interfaces[i.ID], a, "")
		}
		return nil
	})
}

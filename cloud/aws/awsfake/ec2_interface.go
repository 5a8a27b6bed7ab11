// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
)

// makeActions are those by which an administrator makes what vicar moves, and what
// it moves it to: network interfaces, Elastic IPs, and reservations of addresses.
// Routes are in ec2Actions.
func makeActions() map[string]action {
	tagged := []string{"TagSpecification.N.ResourceType", "TagSpecification.N.Tag.N.Key", "TagSpecification.N.Tag.N.Value"}
	return map[string]action{
		"CreateNetworkInterface": {
			write: true, dryRun: true, ask: askNewInterface, run: (*call).createInterface,
			params: append(tagged, "SubnetId", "Description", "PrivateIpAddresses.N.PrivateIpAddress", "PrivateIpAddresses.N.Primary",
				"Ipv6Addresses.N.Ipv6Address", "SecurityGroupId.N", "ClientToken"),
		},
		"ModifyNetworkInterfaceAttribute": {
			write: true, dryRun: true, ask: askInterface, run: (*call).modifyInterface,
			params: []string{"NetworkInterfaceId", "Description.Value", "SourceDestCheck.Value", "SecurityGroupId.N"},
		},
		"DeleteNetworkInterface": {write: true, dryRun: true, params: []string{"NetworkInterfaceId"}, ask: askInterface, run: (*call).deleteInterface},

		"AllocateAddress":            {write: true, dryRun: true, params: append(tagged, "Domain"), ask: askNewAddress, run: (*call).allocate},
		"ReleaseAddress":             {write: true, dryRun: true, params: []string{"AllocationId"}, ask: askAddress, run: (*call).release},
		"DescribeAddressesAttribute": {dryRun: true, params: []string{"AllocationId.N", "Attribute"}, ask: askAny, run: (*call).addressNames},

		"CreateSubnetCidrReservation": {
			write: true, dryRun: true, ask: askSubnet, run: (*call).reserve,
			params: append(tagged, "SubnetId", "Cidr", "ReservationType", "Description"),
		},
		"DeleteSubnetCidrReservation": {write: true, dryRun: true, params: []string{"SubnetCidrReservationId"}, ask: askReservation, run: (*call).unreserve},
		"GetSubnetCidrReservations":   {dryRun: true, params: []string{"SubnetId"}, ask: askAny, run: (*call).reservations},
	}
}

// newTags are the tags that a request gives to what it makes. Others, as for volumes
// of an instance, there are none here.
func (c *call) newTags(kind string) (map[string]string, error) {
	tags := map[string]string{}
	for _, n := range c.indices("TagSpecification", true) {
		key := "TagSpecification." + strconv.Itoa(n)
		if c.params[key+".ResourceType"] != kind {
			return nil, invalid("'" + c.params[key+".ResourceType"] + "' is not a valid taggable resource type for this operation.")
		}
		for _, m := range c.indices(key+".Tag", true) {
			tag := key + ".Tag." + strconv.Itoa(m)
			tags[c.params[tag+".Key"]] = c.params[tag+".Value"]
		}
	}
	return tags, nil
}

// askNewInterface asks for the interface, whose id nobody knows yet, for its subnet
// and its security groups.
func askNewInterface(c *call) ([]access, error) {
	subnet, err := c.need("SubnetId")
	if err != nil {
		return nil, err
	}
	as := []access{c.resource("network-interface", "*", c.who.account, nil), c.resource("subnet", subnet, c.w.account, c.w.subnets[subnet].Tags)}
	for _, id := range c.list("SecurityGroupId") {
		as = append(as, c.resource("security-group", id, c.w.account, nil))
	}
	return as, nil
}

type oneInterface struct {
	Interface interfaceItem `xml:"networkInterface"`
}

// createInterface makes one. Security groups are not known to this package: any are
// taken, and without one it is the VPC's own.
func (c *call) createInterface() (any, error) {
	tags, err := c.newTags("network-interface")
	if err != nil {
		return nil, err
	}
	out := &oneInterface{}
	return out, c.change(func() error {
		id, again, err := c.once("eni")
		if err != nil {
			return err
		}
		if !again {
			subnet, ok := c.w.subnets[c.params["SubnetId"]]
			if !ok {
				return noSubnet(c.params["SubnetId"])
			}
			i := Interface{
				ID: id, Subnet: subnet.ID, Account: c.who.account, MAC: mac(id), Description: c.params["Description"], Groups: c.list("SecurityGroupId"), Tags: tags,
			}
			if len(i.Groups) == 0 {
				i.Groups = []string{"sg-" + subnet.VPC[len("vpc-"):]}
			}
			if err := c.place(&i, subnet); err != nil {
				return err
			}
			c.now.interfaces[id] = i
		}
		out.Interface = c.now.interfaceItem(&c.w.region, c.now.interfaces[id])
		out.Interface.Status = "pending"
		return nil
	})
}

// place gives a new interface its addresses.
func (c *call) place(i *Interface, subnet Subnet) error {
	var primary []netip.Addr
	for _, n := range c.indices("PrivateIpAddresses", true) {
		key := "PrivateIpAddresses." + strconv.Itoa(n)
		a, err := netip.ParseAddr(c.params[key+".PrivateIpAddress"])
		if err != nil || !a.Is4() || !subnet.CIDR.Contains(a) || reserved(subnet.CIDR, a) {
			return invalid("Address does not fall within the subnet's address range")
		}
		first, err := c.flag(key+".Primary", false)
		switch {
		case err != nil:
			return err
		case first:
			primary = append(primary, a)
		default:
			i.Secondary = append(i.Secondary, a)
		}
	}
	switch a, free := c.now.free(&c.w.region, subnet); {
	case len(primary) == 1:
		i.Primary = primary[0]
	case len(primary)+len(i.Secondary) > 0:
		return invalid("Exactly one of the private IP addresses must be the primary one")
	case !free:
		return failure{status: http.StatusBadRequest, code: "InsufficientFreeAddressesInSubnet", message: "There are not enough free addresses in subnet '" + subnet.ID + "'"}
	default:
		i.Primary = a
	}
	for _, n := range c.indices("Ipv6Addresses", true) {
		a, err := netip.ParseAddr(c.params["Ipv6Addresses."+strconv.Itoa(n)+".Ipv6Address"])
		if err != nil || !subnet.IPv6.IsValid() || !subnet.IPv6.Contains(a) {
			return invalid("Address does not fall within the subnet's address range")
		}
		i.IPv6 = append(i.IPv6, a)
	}
	for _, a := range i.all() {
		if _, held := c.now.holder(&c.w.region, subnet.VPC, a); held {
			return inUse(a)
		}
	}
	return nil
}

func inUse(a netip.Addr) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidIPAddress.InUse", message: "Address " + a.String() + " is in use."}
}

// free is the first address of a subnet that nobody has and that is not reserved:
// "AWS does not use the IP addresses ... for network interfaces", unless one is asked
// for by its address.
func (s *state) free(r *region, subnet Subnet) (netip.Addr, bool) {
	for a := subnet.CIDR.Masked().Addr(); subnet.CIDR.Contains(a); a = a.Next() {
		kept := reserved(subnet.CIDR, a)
		for _, one := range s.reservations {
			kept = kept || one.subnet == subnet.ID && one.cidr.Contains(a)
		}
		if _, held := s.holder(r, subnet.VPC, a); !held && !kept {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// modifyInterface changes an attribute: "You can specify only one attribute at a
// time", the API says.
func (c *call) modifyInterface() (any, error) {
	_, describes := c.params["Description.Value"]
	_, checks := c.params["SourceDestCheck.Value"]
	groups := c.list("SecurityGroupId")
	n := 0
	for _, given := range []bool{describes, checks, len(groups) > 0} {
		if given {
			n++
		}
	}
	if n != 1 {
		return nil, failure{status: http.StatusBadRequest, code: "InvalidParameterCombination", message: "Exactly one attribute must be specified"}
	}
	on, err := c.flag("SourceDestCheck.Value", true)
	if err != nil {
		return nil, err
	}
	return &done{Return: true}, c.change(func() error {
		i, err := c.target()
		switch {
		case err != nil:
			return err
		case describes:
			i.Description = c.params["Description.Value"]
		case checks:
			i.NoCheck = !on
		default:
			i.Groups = groups
		}
		c.now.interfaces[i.ID] = i
		return nil
	})
}

// deleteInterface deletes one that is attached to nothing, whatever routes lead to
// it: these are black holes then.
func (c *call) deleteInterface() (any, error) {
	return &done{Return: true}, c.change(func() error {
		i, err := c.target()
		if err != nil {
			return err
		}
		if i.Instance != "" {
			return invalid("Network interface '" + i.ID + "' is currently in use.")
		}
		c.now.remove(i.ID)
		return nil
	})
}

// remove deletes an interface; Elastic IPs of its addresses belong to nothing then.
func (s *state) remove(eni string) {
	for id, a := range s.addresses {
		if a.Interface == eni {
			a.Interface, a.Private, a.association = "", netip.Addr{}, ""
			s.addresses[id] = a
		}
	}
	delete(s.interfaces, eni)
}

// made is what a request with a client token has made.
type made struct {
	id     string
	values []string
}

// once is the id of what a request makes, and whether it has been made before: a
// request that is repeated with its client token makes nothing more.
func (c *call) once(kind string) (id string, again bool, err error) {
	token := c.params["ClientToken"]
	values := Request{Params: c.params}.Objects()
	if m, ok := c.w.made[token]; ok && token != "" {
		if !slices.Equal(m.values, values) {
			return "", false, failure{
				status: http.StatusBadRequest, code: "IdempotentParameterMismatch",
				message: "The request uses the same client token as a previous, but non-identical request.",
			}
		}
		return m.id, true, nil
	}
	id = c.w.newID(kind)
	if token != "" {
		c.w.made[token] = made{id, values}
	}
	return id, false, nil
}

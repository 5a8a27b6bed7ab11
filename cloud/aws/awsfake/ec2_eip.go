// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"net/http"
	"net/netip"
	"slices"
)

func noAllocation(id string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidAllocationID.NotFound", message: "The allocation ID '" + id + "' does not exist"}
}

// askAssociate asks for the Elastic IP, the interface, and its instance.
func askAssociate(c *call) ([]access, error) {
	allocation, err := c.need("AllocationId")
	if err != nil {
		return nil, err
	}
	a := c.now.addresses[allocation]
	as := []access{c.resource("elastic-ip", allocation, c.owner(a.Account), a.Tags)}
	id, instance := c.params["NetworkInterfaceId"], c.params["InstanceId"]
	if id != "" {
		i := c.now.interfaces[id]
		as = append(as, c.resource("network-interface", id, c.owner(i.Account), i.Tags))
		instance = i.Instance
	}
	if instance != "" {
		as = append(as, c.resource("instance", instance, c.w.account, c.now.instances[instance].Tags))
	}
	return as, nil
}

// owner is an account, or the caller's for what does not exist.
func (c *call) owner(account string) string {
	if account == "" {
		return c.who.account
	}
	return account
}

type association struct {
	Return bool   `xml:"return"`
	ID     string `xml:"associationId"`
}

// associate: "If the Elastic IP address is already associated with a different
// instance, it is disassociated from that instance and associated with the
// specified instance", unless AllowReassociation is false. It is idempotent.
func (c *call) associate() (any, error) {
	again, err := c.flag("AllowReassociation", true)
	if err != nil {
		return nil, err
	}
	out := &association{Return: true}
	return out, c.change(func() error {
		a, ok := c.now.addresses[c.params["AllocationId"]]
		if !ok {
			return noAllocation(c.params["AllocationId"])
		}
		i, err := c.interfaceOf()
		if err != nil {
			return err
		}
		private := i.Primary
		if v := c.params["PrivateIpAddress"]; v != "" {
			if private, err = netip.ParseAddr(v); err != nil || !private.Is4() || !slices.Contains(i.all(), private) {
				return invalid("The private IP address " + v + " is not assigned to " + i.ID)
			}
		}
		out.ID = a.association
		if a.association != "" && a.Interface == i.ID && a.Private == private {
			return nil
		}
		other, taken := c.now.eip(i.ID, private)
		if !again {
			if a.association != "" {
				return associated(a)
			}
			if taken {
				return associated(other)
			}
		}
		if taken {
			other.Interface, other.Private, other.association = "", netip.Addr{}, ""
			c.now.addresses[other.Allocation] = other
		}
		a.Interface, a.Private, a.association = i.ID, private, c.w.newID("eipassoc")
		c.now.addresses[a.Allocation] = a
		out.ID = a.association
		return nil
	})
}

func associated(a Address) failure {
	return failure{
		status: http.StatusBadRequest, code: "Resource.AlreadyAssociated",
		message: "resource " + a.Allocation + " is already associated with associate-id " + a.association,
	}
}

// interfaceOf is the interface that an action names, or the only one of the instance
// that it names.
func (c *call) interfaceOf() (Interface, error) {
	if id := c.params["NetworkInterfaceId"]; id != "" {
		return c.target()
	}
	id, err := c.need("InstanceId")
	if err != nil {
		return Interface{}, err
	}
	if _, ok := c.now.instances[id]; !ok {
		return Interface{}, failure{status: http.StatusBadRequest, code: "InvalidInstanceID.NotFound", message: "The instance ID '" + id + "' does not exist"}
	}
	is := c.now.attached(id)
	if len(is) != 1 {
		return Interface{}, failure{
			status: http.StatusBadRequest, code: "InvalidInstanceID",
			message: "There are multiple interfaces attached to instance '" + id + "'. Please specify an interface ID for the operation instead.",
		}
	}
	return is[0], nil
}

// byAssociation finds the Elastic IP of an association.
func (s *state) byAssociation(id string) (Address, bool) {
	for _, a := range s.addresses {
		if a.association == id && id != "" {
			return a, true
		}
	}
	return Address{}, false
}

// askDisassociate asks for the Elastic IP of the association, for the interface, and
// for its instance. That it asks for the instance is assumed: it does when it
// associates.
func askDisassociate(c *call) ([]access, error) {
	id, err := c.need("AssociationId")
	if err != nil {
		return nil, err
	}
	a, ok := c.now.byAssociation(id)
	if !ok {
		// Whose permission it would take nobody knows.
		return nil, noAssociation(id)
	}
	i := c.now.interfaces[a.Interface]
	as := []access{
		c.resource("elastic-ip", a.Allocation, c.owner(a.Account), a.Tags),
		c.resource("network-interface", i.ID, c.owner(i.Account), i.Tags),
	}
	if i.Instance != "" {
		as = append(as, c.resource("instance", i.Instance, c.w.account, c.now.instances[i.Instance].Tags))
	}
	return as, nil
}

// disassociate ends an association that still is: one that another has replaced
// since is not found, and nothing is taken from the other.
func (c *call) disassociate() (any, error) {
	return &done{Return: true}, c.change(func() error {
		a, ok := c.now.byAssociation(c.params["AssociationId"])
		if !ok {
			return noAssociation(c.params["AssociationId"])
		}
		a.Interface, a.Private, a.association = "", netip.Addr{}, ""
		c.now.addresses[a.Allocation] = a
		return nil
	})
}

func noAssociation(id string) failure {
	return failure{status: http.StatusBadRequest, code: "InvalidAssociationID.NotFound", message: "The association ID '" + id + "' does not exist"}
}

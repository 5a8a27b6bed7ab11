// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	ec2api "github.com/aws/aws-sdk-go-v2/service/ec2"
)

// TestAssignPrivateIPAddresses is what the API reference says of the action, and
// what AWS answers in practice.
func TestAssignPrivateIPAddresses(t *testing.T) {
	var many []string
	for n := range 30 {
		many = append(many, fmt.Sprintf("192.0.2.%d", 100+n))
	}
	for _, tc := range []struct {
		doc    string
		before func(*World) error
		as     []string
		steal  bool
		code   string
		holder map[string]int // node by address, after it
	}{
		{doc: "assigns one or more secondary private IP addresses", as: []string{"192.0.2.100", "192.0.2.101"}, holder: map[string]int{"192.0.2.100": 1, "192.0.2.101": 1}},
		{
			doc: "an address that the interface has already is no error", as: []string{"192.0.2.100"}, holder: map[string]int{"192.0.2.100": 1},
			before: func(w *World) error { return w.MoveAddress(addr("192.0.2.100"), ClusterInterface(1)) },
		},
		{
			doc: "AllowReassignment allows an address that is already assigned to another interface", as: []string{"192.0.2.100"}, steal: true,
			before: func(w *World) error { return w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)) },
			holder: map[string]int{"192.0.2.100": 1},
		},
		{
			doc: "without it the address stays, and those beside it are not assigned", as: []string{"192.0.2.101", "192.0.2.100"}, code: "InvalidParameterValue",
			before: func(w *World) error { return w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)) },
			holder: map[string]int{"192.0.2.100": 2, "192.0.2.101": 0},
		},
		{doc: "a primary address never moves", as: []string{"192.0.2.12"}, steal: true, code: "InvalidParameterValue", holder: map[string]int{"192.0.2.12": 2}},
		{doc: "within the subnet's CIDR block", as: []string{"198.51.100.1"}, code: "InvalidParameterValue"},
		{doc: "the first four and the last address of a subnet are reserved", as: []string{"192.0.2.3"}, code: "InvalidParameterValue"},
		{doc: "and the broadcast address", as: []string{"192.0.2.255"}, code: "InvalidParameterValue"},
		{doc: "the number varies by instance type: 30 with the primary one", as: many[:29], holder: map[string]int{"192.0.2.128": 1}},
		{doc: "and not one more", as: many, code: "PrivateIpAddressLimitExceeded", holder: map[string]int{"192.0.2.100": 0}},
		{doc: "IPv6 is another action", as: []string{"2001:db8::100"}, code: "InvalidParameterValue"},
		{doc: "no address", as: []string{"web"}, code: "InvalidParameterValue"},
		{doc: "either the addresses or a count must be specified", code: "MissingParameter"},
	} {
		t.Run(tc.doc, func(t *testing.T) {
			w := newWorld(t, Cluster(2, 1))
			if tc.before != nil {
				ok(t, tc.before(w))
			}
			want(t, on(w, 1).assign(t.Context(), 1, tc.steal, tc.as...), tc.code)
			for a, n := range tc.holder {
				eni := ""
				if n > 0 {
					eni = ClusterInterface(n)
				}
				holds(t, w, a, eni)
			}
		})
	}
}

// TestAssignMessage keeps the sentence that others parse.
func TestAssignMessage(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)))
	ok(t, w.MoveAddress(addr("192.0.2.101"), ClusterInterface(2)))
	err := on(w, 1).assign(t.Context(), 1, false, "192.0.2.100", "192.0.2.101")
	const message = "api error InvalidParameterValue: [192.0.2.100, 192.0.2.101] assigned, but move is not allowed."
	if err == nil || !strings.Contains(err.Error(), message) || status(err) != 400 {
		t.Errorf("got %v", err)
	}
}

// TestElasticIPFollows: "When you move a secondary private IP address to another
// network interface, any Elastic IP address that is associated with the IP address
// is also moved", says the reference.
func TestElasticIPFollows(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(2)))
	ok(t, w.Associate(ClusterEIP(1), ClusterInterface(2), addr("192.0.2.100")))
	ok(t, on(w, 1).assign(t.Context(), 1, true, "192.0.2.100"))
	_, eni, private, is := w.Association(ClusterEIP(1))
	if !is || eni != ClusterInterface(1) || private != addr("192.0.2.100") {
		t.Errorf("the Elastic IP is %s's %s, %t", eni, private, is)
	}
	if _, instance, ok := w.Deliver(Internet, addr("203.0.113.1")); !ok || instance != ClusterNode(1) {
		t.Errorf("a packet from outside reaches %q, %t", instance, ok)
	}
}

func TestUnassignPrivateIPAddresses(t *testing.T) {
	for _, tc := range []struct {
		doc, address string
		code         string
		free         bool
	}{
		{doc: "unassigns a secondary address, and its Elastic IP with it", address: "192.0.2.100", free: true},
		{doc: "not the primary one", address: "192.0.2.11", code: "InvalidParameterValue"},
		{doc: "not what another interface has", address: "192.0.2.101", code: "InvalidParameterValue"},
		{doc: "not what nobody has", address: "192.0.2.102", code: "InvalidParameterValue"},
		{doc: "addresses must be specified", code: "MissingParameter"},
	} {
		t.Run(tc.doc, func(t *testing.T) {
			w := newWorld(t, Cluster(2, 1))
			ok(t, w.MoveAddress(addr("192.0.2.100"), ClusterInterface(1)))
			ok(t, w.Associate(ClusterEIP(1), ClusterInterface(1), addr("192.0.2.100")))
			ok(t, w.MoveAddress(addr("192.0.2.101"), ClusterInterface(2)))
			in := &ec2api.UnassignPrivateIpAddressesInput{NetworkInterfaceId: sdk.String(ClusterInterface(1))}
			if tc.address != "" {
				in.PrivateIpAddresses = []string{tc.address}
			}
			_, err := on(w, 1).UnassignPrivateIpAddresses(t.Context(), in)
			want(t, err, tc.code)
			if _, held := w.Holder(addr("192.0.2.100")); held == tc.free {
				t.Errorf("held: %t", held)
			}
			if _, _, _, is := w.Association(ClusterEIP(1)); is == tc.free {
				t.Errorf("associated: %t", is)
			}
			holds(t, w, "192.0.2.101", ClusterInterface(2))
		})
	}
}

// TestIPv6 has no AllowReassignment: who wants an address that another has must
// unassign it first, from either side.
func TestIPv6(t *testing.T) {
	w := newWorld(t, Cluster(2, 1))
	m, vip := on(w, 1), []string{"2001:db8::100"}
	assign := func(n int) error {
		_, err := m.AssignIpv6Addresses(t.Context(), &ec2api.AssignIpv6AddressesInput{NetworkInterfaceId: sdk.String(ClusterInterface(n)), Ipv6Addresses: vip})
		return err
	}
	unassign := func(n int) error {
		_, err := m.UnassignIpv6Addresses(t.Context(), &ec2api.UnassignIpv6AddressesInput{NetworkInterfaceId: sdk.String(ClusterInterface(n)), Ipv6Addresses: vip})
		return err
	}
	want(t, unassign(2), "InvalidParameterValue")
	ok(t, assign(2))
	want(t, assign(1), "InvalidIPAddress.InUse")
	holds(t, w, vip[0], ClusterInterface(2))
	ok(t, unassign(2))
	ok(t, assign(1))
	ok(t, assign(1))
	holds(t, w, vip[0], ClusterInterface(1))
	vip = []string{"2001:db8:1::1"}
	want(t, assign(1), "InvalidParameterValue")
	vip = []string{"192.0.2.100"}
	want(t, assign(1), "InvalidParameterValue")
	out, err := m.DescribeNetworkInterfaces(t.Context(), &ec2api.DescribeNetworkInterfacesInput{NetworkInterfaceIds: []string{ClusterInterface(1)}})
	ok(t, err)
	var got []string
	for _, a := range out.NetworkInterfaces[0].Ipv6Addresses {
		got = append(got, *a.Ipv6Address)
	}
	if !slices.Equal(got, []string{"2001:db8::11", "2001:db8::100"}) {
		t.Errorf("the interface has %v", got)
	}
}

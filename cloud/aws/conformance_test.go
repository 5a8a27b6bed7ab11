// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/cloud/cloudtest"
)

// world is a region as the conformance suite sees it.
func (f *fake) world(t *testing.T, nodes [2]cloud.Provider, addresses []netip.Prefix, parameter func(cloud.Object) string) cloudtest.World {
	t.Helper()
	toggle := func(fault awsfake.Fault) func(bool) {
		remove := func() {}
		return func(on bool) {
			remove()
			if on {
				remove = f.Inject(fault)
			}
		}
	}
	w := cloudtest.World{
		Nodes: nodes, Addresses: addresses,
		Writes: func(node int) int { return f.writes(node, "") },
		Down:   toggle(awsfake.Fault{Service: "ec2", Effect: awsfake.Refuse}),
		Deny:   toggle(awsfake.Fault{Service: "ec2", Effect: awsfake.Fail, Code: "UnauthorizedOperation", Status: 403}),
		Throttle: func(n int) {
			f.Inject(awsfake.Fault{Service: "ec2", Times: n, Effect: awsfake.Fail, Code: "RequestLimitExceeded", Status: 503})
		},
		Lose: func(n int) {
			f.Inject(awsfake.Fault{Service: "ec2", Writes: true, Times: n, Effect: awsfake.LoseResponse})
		},
		Lag:  func(d time.Duration) { f.SetLags(awsfake.Lags{Describe: awsfake.Exactly(d)}) },
		Slow: func(d time.Duration) { f.SetLatency(awsfake.Exactly(d)) },
		Late: func(node int, d time.Duration) {
			f.Inject(awsfake.Fault{Service: "ec2", Writes: true, Caller: awsfake.ClusterNode(node + 1), Effect: awsfake.ApplyLate, Delay: d})
		},
	}
	if parameter != nil {
		remove := func() {}
		w.Refuse = func(o cloud.Object, n int) {
			remove()
			if n > 0 {
				remove = f.Inject(awsfake.Fault{Service: "ec2", Writes: true, Object: parameter(o), Times: n, Effect: awsfake.Fail})
			}
		}
	}
	return w
}

func TestSecondary(t *testing.T) {
	const (
		half, late = "half-moved", "late write of a former holder"
		oneRequest = "one request moves all addresses of a family, or none"
		ifFree     = "EC2 assigns no IPv6 address that another has: a late write changes nothing"
	)
	for _, c := range []struct {
		name      string
		addresses []netip.Prefix
		but       cloudtest.Except
	}{
		{"IPv4", prefixes("192.0.2.100/24", "192.0.2.101/24"), cloudtest.Except{half: oneRequest}},
		{"IPv6", prefixes("2001:db8::100/64", "2001:db8::101/64"), cloudtest.Except{half: oneRequest, late: ifFree}},
		{"both", prefixes("192.0.2.100/24", "2001:db8::100/64"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloudtest.RunBubble(t, c.but, func(t *testing.T) cloudtest.World {
				f := newFake(t, 1, nil)
				address := func(o cloud.Object) string { return o.Address.String() }
				w := f.world(t, [2]cloud.Provider{f.secondary(t, 1, true), f.secondary(t, 2, true)}, c.addresses, address)
				w.Holder = func(o cloud.Object) int {
					eni, _ := f.World.Holder(o.Address)
					return node(eni)
				}
				w.Give = func(o cloud.Object, node int) {
					if err := f.MoveAddress(o.Address, interfaceOf(node)); err != nil {
						t.Fatal(err)
					}
				}
				return w
			})
		})
	}
}

func TestRoute(t *testing.T) {
	for _, c := range []struct {
		name  string
		to    string
		there bool // to a machine that is gone
		along []Destination
	}{
		{"IPv4", "198.51.100.7/32", true, nil},
		{"IPv6", "2001:db8:ffff::7/128", true, nil},
		{"made anew", "198.51.100.7/32", false, nil},
		{"with what is behind it", "198.51.100.7/32", true, behind()},
		{"with what is behind it, made anew", "2001:db8:ffff::7/128", false, behind()[1:]},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloudtest.RunBubble(t, nil, func(t *testing.T) cloudtest.World {
				f := newFake(t, 4, gone)
				addresses := prefixes(c.to)
				set := func(o cloud.Object, eni string) {
					if err := f.SetRoute(table(o), destination(o), eni); err != nil {
						t.Fatal(err)
					}
				}
				nodes := [2]cloud.Provider{f.routeAlong(t, 1, 3, c.along), f.routeAlong(t, 2, 3, c.along)}
				w := f.world(t, nodes, addresses, table)
				w.Holder = func(o cloud.Object) int {
					eni, _ := f.Target(table(o), destination(o))
					return node(eni)
				}
				w.Give = func(o cloud.Object, node int) { set(o, interfaceOf(node)) }
				if !c.there {
					// That a route can't be replaced since it isn't there is found out by a write.
					w.Writes = func(node int) int {
						return f.writes(node, "") - f.refused(node, "ReplaceRoute", "InvalidParameterValue")
					}
					return w
				}
				for _, o := range objects(t, nodes[0], addresses...) {
					set(o, goneInterface)
				}
				return w
			})
		})
	}
}

func TestEIP(t *testing.T) {
	but := cloudtest.Except{"half-moved": "an interface's primary address has one Elastic IP"}
	cloudtest.RunBubble(t, but, func(t *testing.T) cloudtest.World { return eips(t, "192.0.2.100") })
}

// TestEIPs: Elastic IPs of addresses that a node has move in a request each.
func TestEIPs(t *testing.T) {
	only := cloudtest.Only("half-moved", "the addresses are the first node's for good")
	cloudtest.RunBubble(t, only, func(t *testing.T) cloudtest.World {
		return eips(t, "192.0.2.100", "192.0.2.101")
	})
}

// eips is a region in which the Elastic IPs of private addresses move. If they are
// several the first node has the addresses.
func eips(t *testing.T, private ...string) cloudtest.World {
	t.Helper()
	f := newFake(t, 1, nil)
	var addresses []netip.Prefix
	for _, a := range private {
		addresses = append(addresses, prefixes(a+"/24")...)
		if len(private) == 1 {
			continue
		}
		if err := f.MoveAddress(netip.MustParseAddr(a), interfaceOf(0)); err != nil {
			t.Fatal(err)
		}
	}
	w := f.world(t, [2]cloud.Provider{f.eip(t, 1, false, private...), f.eip(t, 2, false, private...)}, addresses, allocation)
	w.Holder = func(o cloud.Object) int {
		_, eni, _, _ := f.Association(allocation(o))
		return node(eni)
	}
	w.Give = func(o cloud.Object, node int) {
		private := netip.Addr{}
		if node >= 0 {
			private = at(node + 1).Address
		}
		if err := f.Associate(allocation(o), interfaceOf(node), private); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vip"
)

func TestGrants(t *testing.T) {
	mail := Resource{Name: "router mail", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.110")}}
	other := web()
	other.Addresses = other.Addresses[:1]
	zone, turned := web(), web()
	zone.Addresses = []netip.Addr{vip1, vip2.WithZone("")}
	turned.Addresses = []netip.Addr{vip2, vip1}
	tests := map[string]struct {
		file  grants
		asked Resource
		want  string
	}{
		"the same":          {newGrants([]Resource{mail, web()}), web(), ""},
		"in another order":  {newGrants([]Resource{web(), mail}), turned, ""},
		"other addresses":   {newGrants([]Resource{mail, other}), web(), status.DeniedAddresses},
		"it lacks it":       {newGrants([]Resource{mail}), web(), status.DeniedMissing},
		"it has none":       {newGrants(nil), web(), status.DeniedMissing},
		"it tells nothing":  {nil, web(), ""},
		"too many to tell":  {newGrants(make([]Resource, mostGrants+1)), web(), ""},
		"a zone is no part": {newGrants([]Resource{zone}), web(), ""},
	}
	for name, tc := range tests {
		if got := tc.file.denies(tc.asked.quorum()); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
		if err := tc.file.validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []grants{make(grants, 7), make(grants, 9), make(grants, (mostGrants+1)*grantSize)} {
		if bad.validate() == nil {
			t.Errorf("%d bytes are valid", len(bad))
		}
	}
}

// Of a full file each resource is found.
func TestGrantsFull(t *testing.T) {
	all := make([]Resource, mostGrants)
	for i := range all {
		a := netip.AddrFrom4([4]byte{198, 51, byte(100 + i/256), byte(i)})
		all[i] = Resource{Name: fmt.Sprintf("router r%d", i), Addresses: []netip.Addr{a}}
	}
	file := newGrants(all)
	for i := range all {
		if why := file.denies(all[i].quorum()); why != "" {
			t.Fatalf("%s is denied: %s", all[i].Name, why)
		}
		changed := quorum.Resource{Name: all[i].Name, Addresses: []netip.Addr{vip1}}
		if why := file.denies(changed); why != status.DeniedAddresses {
			t.Fatalf("%s with another address: %q", all[i].Name, why)
		}
	}
}

// A file that has reached one node alone: each node knows which voter does not
// grant what, before a failure makes it matter, and not any more when the file is
// everywhere.
func TestDeniesAreKnown(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b, c := w.nodes["a"], w.nodes["b"], w.nodes["c"]
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		a.wants(vip.Granted, "")
		change := func(n *node) {
			more := web()
			more.Addresses = append(more.Addresses, netip.MustParseAddr("192.0.2.102"))
			n.cfg.Resources = []Resource{more, {Name: "router new", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.103")}, Longest: 100 * ms, Shortest: 100 * ms}}
			if err := n.guard.Reload(t.Context(), n.cfg); err != nil {
				t.Fatal(err)
			}
			n.gossip()
			w.pass(50 * ms)
		}
		wants := func(when string, n *node, want map[string][]status.Denied) {
			t.Helper()
			got := map[string][]status.Denied{}
			for _, v := range n.status().Voters {
				if v.Denies != nil {
					got[v.Name] = v.Denies
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", when, n.name, diff)
			}
		}
		none := map[string][]status.Denied{}
		addresses := status.Denied{Resource: "router web", Reason: status.DeniedAddresses}
		missing := status.Denied{Resource: "router new", Reason: status.DeniedMissing}
		for _, n := range []*node{a, b, c} {
			wants("before", n, none)
		}
		change(c)
		wants("c has the file", a, map[string][]status.Denied{"c": {addresses}})
		wants("c has the file", b, map[string][]status.Denied{"c": {addresses}})
		wants("c has the file", c, map[string][]status.Denied{"a": {addresses, missing}, "b": {addresses, missing}})
		change(b)
		change(a)
		for _, n := range []*node{a, b, c} {
			wants("all have it", n, none)
		}
	})
}

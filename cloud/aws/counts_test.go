// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
	"github.com/vicar-ha/vicar/vip"
)

func mover(t *testing.T, p cloud.Provider) *cloud.Mover {
	t.Helper()
	m, err := cloud.New(cloud.Config{Provider: p, Steal: cloud.StealAtOnce})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func claim(term uint64, addresses []netip.Prefix) vip.Claim {
	return vip.Claim{Router: "web", Term: term, Interface: "eth0", Addresses: addresses}
}

// acquire has a node take addresses over.
func acquire(t *testing.T, p cloud.Provider, term uint64, addresses []netip.Prefix) {
	t.Helper()
	if err := mover(t, p).Acquire(t.Context(), claim(term, addresses)); err != nil {
		t.Fatal(err)
	}
}

func TestManyAddressesAreOneWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		var all []netip.Prefix
		for i := range 25 {
			all = append(all, netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", 100+i)))
		}
		acquire(t, f.secondary(t, 1, false), 1, all)
		f.Forget()
		acquire(t, f.secondary(t, 2, false), 2, all)
		if n := f.writes(1, ""); n != 1 || f.Count("AssignPrivateIpAddresses") != 1 {
			t.Errorf("25 addresses took %d writes", n)
		}
		if n := f.Count("Describe*"); n != 1 {
			t.Errorf("25 addresses took %d describes", n)
		}
	})
}

func TestManyTablesAreWrittenSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tables = 5
		f := newFake(t, tables, nil)
		all := prefixes("198.51.100.7/32")
		acquire(t, f.route(t, 1, tables), 1, all)
		p := f.route(t, 2, tables)
		if mine(t, p, objects(t, p, all...)) != 0 {
			t.Fatal("node 2 has routes already")
		}
		f.Forget()
		f.SetLatency(awsfake.Exactly(50 * time.Millisecond))
		began := time.Now()
		if err := p.Take(t.Context(), objects(t, p, all...), cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 50*time.Millisecond {
			t.Errorf("%d tables took %v", tables, took)
		}
		if n := f.writes(1, ""); n != tables || f.Count("ReplaceRoute") != tables {
			t.Errorf("%d tables took %d writes", tables, n)
		}
		if calls := p.Calls(); calls[replaceRoute] != tables || calls[describeTables] != 1 {
			t.Errorf("the calls are %v", calls)
		}
	})
}

// TestElasticIPFollows: an Elastic IP goes with its private address, at no request
// that writes.
func TestElasticIPFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		all := prefixes("192.0.2.100/24", "192.0.2.101/24")
		private := []string{"192.0.2.100", "192.0.2.101"}
		for n := 1; n <= 2; n++ {
			acquire(t, f.secondary(t, n, false), uint64(n), all)
			f.SetLags(awsfake.Lags{Describe: awsfake.Exactly(300 * time.Millisecond)})
			acquire(t, f.eip(t, n, true, private...), uint64(n), all)
			for i, a := range private {
				if _, eni, with, _ := f.Association(awsfake.ClusterEIP(i + 1)); node(eni) != n-1 || with.String() != a {
					t.Errorf("Elastic IP %d is at %s of %s", i+1, with, eni)
				}
			}
			// The first node has to associate them once.
			if n == 1 && f.writes(0, "AssociateAddress") != 2 {
				t.Errorf("node 1 associated %d times", f.writes(0, "AssociateAddress"))
			}
		}
		if n := f.writes(1, ""); n != 1 || f.writes(1, "AssignPrivateIpAddresses") != 1 {
			t.Errorf("node 2 took over with %d writes", n)
		}
		// Somebody takes an Elastic IP away from its address.
		if err := f.Associate(awsfake.ClusterEIP(2), awsfake.ClusterInterface(1), at(1).Address); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		acquire(t, f.eip(t, 2, true, private...), 3, all)
		if n := f.writes(1, "AssociateAddress"); n != 1 {
			t.Errorf("it was taken back with %d writes", n)
		}
	})
}

// TestElasticIPsOfBothSorts: one that follows its address, and one of the
// interface's primary address.
func TestElasticIPsOfBothSorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		acquire(t, f.secondary(t, 1, false), 1, prefixes("192.0.2.100/24"))
		own := netip.MustParseAddr("192.0.2.100")
		p, err := NewEIP(f.nodes[0], EIPConfig{
			Interface: at(1), Follows: []netip.Addr{own},
			Allocations: map[netip.Addr]string{own: awsfake.ClusterEIP(1), netip.MustParseAddr("203.0.113.2"): awsfake.ClusterEIP(2)},
		})
		if err != nil {
			t.Fatal(err)
		}
		acquire(t, p, 1, prefixes("192.0.2.100/24", "203.0.113.2/32"))
		for n, want := range []netip.Addr{own, at(1).Address} {
			if _, eni, with, _ := f.Association(awsfake.ClusterEIP(n + 1)); node(eni) != 0 || with != want {
				t.Errorf("Elastic IP %d is at %s of %s", n+1, with, eni)
			}
		}
		all := objects(t, p, prefixes("192.0.2.100/24", "203.0.113.2/32")...)
		if err := p.Yield(t.Context(), all, cloud.Taking{}); err != nil {
			t.Fatal(err)
		}
		if _, eni, _, ok := f.Association(awsfake.ClusterEIP(2)); ok && eni != "" {
			t.Errorf("it is at %q after it was given up", eni)
		}
	})
}

// TestElasticIPBeforeItsAddress: one that follows waits for its address.
func TestElasticIPBeforeItsAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.eip(t, 1, true, "192.0.2.100")
		err := p.Take(t.Context(), objects(t, p, prefixes("192.0.2.100/24")...), cloud.Taking{Steal: true})
		if k := cloud.KindOf(err); k != cloud.Conflict || f.writes(0, "") != 0 {
			t.Errorf("taken before its address: %v, %d writes", err, f.writes(0, ""))
		}
	})
}

// TestElasticIPIsNotAssociatedAgain: that costs money and a gap.
func TestElasticIPIsNotAssociatedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		all := prefixes("203.0.113.1/32")
		p := f.eip(t, 1, false, "203.0.113.1")
		m := mover(t, p)
		for term := range uint64(5) {
			if err := m.Acquire(t.Context(), claim(term+1, all)); err != nil {
				t.Fatal(err)
			}
		}
		if n := f.writes(0, ""); n != 1 {
			t.Errorf("it was associated %d times", n)
		}
		if _, eni, with, _ := f.Association(awsfake.ClusterEIP(1)); node(eni) != 0 || with != at(1).Address {
			t.Errorf("it is at %s of %s", with, eni)
		}
		two := f.eip(t, 2, false, "203.0.113.1", "203.0.113.2")
		err := two.Take(t.Context(), objects(t, two, prefixes("203.0.113.1/32", "203.0.113.2/32")...), cloud.Taking{Steal: true})
		if cloud.KindOf(err) != cloud.Invalid || f.writes(1, "") != 0 {
			t.Errorf("two at one primary address: %v", err)
		}
	})
}

// TestFormerHolderDisassociatesNothing: an association's id ends when another
// takes the Elastic IP, even if the former holder has not seen that.
func TestFormerHolderDisassociatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		all := prefixes("203.0.113.1/32")
		former := f.eip(t, 1, false, "203.0.113.1")
		acquire(t, former, 1, all)
		time.Sleep(time.Minute)
		f.SetLags(awsfake.Lags{Describe: awsfake.Exactly(30 * time.Second)})
		taker := f.eip(t, 2, false, "203.0.113.1")
		if err := taker.Take(t.Context(), objects(t, taker, all...), cloud.Taking{Steal: true}); err != nil {
			t.Fatal(err)
		}
		if err := former.Yield(t.Context(), objects(t, former, all...), cloud.Taking{}); err != nil {
			t.Errorf("yielding what is another's: %v", err)
		}
		if f.refused(0, "DisassociateAddress", "InvalidAssociationID.NotFound") != 1 {
			t.Error("the former holder did not try: the test shows nothing")
		}
		if _, eni, _, _ := f.Association(awsfake.ClusterEIP(1)); node(eni) != 1 {
			t.Errorf("it is at %q", eni)
		}
	})
}

// TestBeyondTheRate: what EC2 would refuse is not sent, and what was sent is told.
func TestBeyondTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tables = 80
		f := newFake(t, tables, nil)
		all := prefixes("198.51.100.7/32")
		p := f.route(t, 1, tables)
		objects := objects(t, p, all...)
		mine(t, p, objects)
		attempt, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := p.Take(attempt, objects, cloud.Taking{Steal: true})
		partial, ok := errors.AsType[*cloud.Partial](err)
		if !ok || len(partial.Done) < writeBurst || len(partial.Done) == tables || cloud.KindOf(err) != cloud.Throttled {
			t.Fatalf("taking %d: %v", tables, err)
		}
		if n := f.refused(0, "CreateRoute", "RequestLimitExceeded"); n > 0 {
			t.Errorf("EC2 refused %d", n)
		}
		if n := mine(t, p, objects); n != len(partial.Done) {
			t.Errorf("%d are told, %d are taken", len(partial.Done), n)
		}
		time.Sleep(time.Minute)
		acquire(t, p, 1, all)
		if n := mine(t, p, objects); n != tables {
			t.Errorf("%d are taken in the end", n)
		}
	})
}

// TestPrimaryAddress: what is the primary address of this node's interface is no
// secondary one.
func TestPrimaryAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, nil)
		p := f.secondary(t, 1, false)
		if _, err := p.Observe(t.Context(), objects(t, p, prefixes("192.0.2.11/24")...)); cloud.KindOf(err) != cloud.Invalid {
			t.Errorf("the primary address is shown: %v", err)
		}
		other := objects(t, p, prefixes("192.0.2.12/24")...)
		if err := p.Take(t.Context(), other, cloud.Taking{Steal: true}); cloud.KindOf(err) != cloud.Invalid {
			t.Errorf("another's primary address is taken: %v", err)
		}
		if _, err := f.secondary(t, 2, false).Objects(prefixes("2001:db8::7/64")); cloud.KindOf(err) != cloud.Invalid {
			t.Errorf("an IPv6 address has an object: %v", err)
		}
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/vicar-ha/vicar/vip"
)

// An owner's addresses are looked at only; what it holds besides them moves.
func TestOwned(t *testing.T) {
	k := newMemKernel("192.0.2.10/24")
	o := owned{k, prefixes("192.0.2.10/24")}
	c := vip.Claim{Interface: "eth0", Addresses: prefixes("192.0.2.10/24", "198.51.100.7/32")}

	if held, err := o.Held(t.Context(), c); held || err != nil {
		t.Errorf("at first: held %v, %v", held, err)
	}
	if err := o.Acquire(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, want := k.list(), prefixes("198.51.100.7/32"); !slices.Equal(got, want) {
		t.Errorf("acquired %v, want %v", got, want)
	}
	if held, err := o.Held(t.Context(), c); !held || err != nil {
		t.Errorf("when acquired: held %v, %v", held, err)
	}
	if err := o.Release(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := k.list(); len(got) != 0 {
		t.Errorf("%v are left", got)
	}
}

func TestOwnedWithoutItsAddress(t *testing.T) {
	k := newMemKernel("192.0.2.11/24")
	c := vip.Claim{Interface: "eth0", Addresses: prefixes("192.0.2.10/24")}
	if err := (owned{k, c.Addresses}).Acquire(t.Context(), c); !errors.Is(err, errOwnAddress) {
		t.Errorf("error is %v, want %v", err, errOwnAddress)
	}
	if got := k.list(); len(got) != 0 {
		t.Errorf("%v were put there", got)
	}
}

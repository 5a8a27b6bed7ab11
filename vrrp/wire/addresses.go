// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"net/netip"
	"slices"
)

// FirstLinkLocal tells whether the first address is an IPv6 link-local one, as
// RFC 9568 section 5.2.9 wants of an IPv6 advertisement and erratum 8300 makes
// the receiver verify.
//
// Beyond the RFC: Parse doesn't drop for it. Routers that share only global
// addresses are common and elect well without one, and a unicast advert need
// not share a link with us that the address could be local to. Who wants the
// letter of the RFC asks here and counts DropNotLinkLocal.
func (a *Advert) FirstLinkLocal() bool {
	return len(a.Addresses) > 0 && a.Addresses[0].Is6() && a.Addresses[0].IsLinkLocalUnicast()
}

// SameAddresses tells whether other has the addresses of own, in any order: an
// order is not what RFC 9568 section 7.1 means by another list. own has no
// address twice. Equal lists, the usual case, are compared in one pass; only a
// permutation takes longer.
func SameAddresses(own, other []netip.Addr) bool {
	if slices.Equal(own, other) {
		return true
	}
	if len(own) != len(other) {
		return false
	}
	for _, addr := range own {
		if !slices.Contains(other, addr) {
			return false
		}
	}
	return true
}

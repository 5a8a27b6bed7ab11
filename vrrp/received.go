// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// received is an advert that the driver let pass.
func (e *Engine) received(now time.Time, r Received) {
	ad := r.Advert
	if ad == nil || !r.From.IsValid() || r.From == e.primary || !e.inspect(r.From, ad) {
		return
	}
	e.peer = peer{r.From, ad.Priority}
	if e.disowning && ad.Priority != wire.PriorityStop {
		// Another router is Active already: priority 0 would only make the
		// others race it.
		e.resign = false
	}
	switch e.state {
	case Backup:
		e.receivedInBackup(now, r.From, ad)
	case Active:
		e.receivedInActive(now, r.From, ad)
	case Initialize:
	}
}

// inspect compares the advert with the configuration (section 7.1) and tells
// whether it may be used. Only version 2 drops one for its interval (RFC 3768
// section 7.1).
func (e *Engine) inspect(from netip.Addr, ad *wire.Advert) bool {
	if e.state == Initialize {
		return true
	}
	if ad.Interval <= 0 { // erratum 8301; the driver has dropped it
		return false
	}
	if ad.Interval != e.cfg.Interval {
		if e.cfg.Version == wire.V2 {
			e.notice(NoticeIntervalV2, from)
			return false
		}
		e.notice(NoticeInterval, from)
	}
	if !e.sameAddresses(ad.Addresses) {
		e.notice(NoticeAddresses, from)
	}
	if e.owner() {
		e.notice(NoticeOwner, from)
		if ad.Priority == wire.PriorityOwner {
			e.notice(NoticeTwoOwners, from)
		}
	}
	return true
}

// sameAddresses tells whether the list is the router's but for the order. A
// list in another order is sorted once and remembered.
func (e *Engine) sameAddresses(list []netip.Addr) bool {
	if slices.Equal(list, e.cfg.Addresses) {
		return true
	}
	if len(e.list) > 0 && slices.Equal(list, e.list) {
		return e.listOK
	}
	e.list = append(e.list[:0], list...)
	e.listOK = slices.Equal(sortedAddresses(list), e.sorted)
	return e.listOK
}

func sortedAddresses(list []netip.Addr) []netip.Addr {
	return slices.SortedFunc(slices.Values(list), netip.Addr.Compare)
}

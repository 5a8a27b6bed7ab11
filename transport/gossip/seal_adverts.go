// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"errors"
	"maps"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// SealAdverts makes packets of adverts of a family, as Adverts.Send sends them,
// for another process to send (see Seal): what says that this node gives up. What
// can't be sealed is left out, and is the error.
func (l *Link) SealAdverts(family int, packets []wire.Packet) ([]Datagram, error) {
	names := map[netip.Addr]string{}
	for _, name := range l.peerNames() {
		names[vip.NodeAddress(name, family)] = name
	}
	payloads := map[string][][]byte{}
	var errs []error
	for _, p := range packets {
		to, ok := names[p.Dst]
		if !ok || len(p.Data) == 0 || len(p.Data) > maxAdvert {
			errs = append(errs, errDestination)
			continue
		}
		list := payloads[to]
		if n := len(list); n == 0 || len(list[n-1])+advertPrefix+len(p.Data) > MaxPayload {
			list = append(list, beginAdverts(nil, family))
		}
		list[len(list)-1] = appendAdvert(list[len(list)-1], p.Data)
		payloads[to] = list
	}
	var all []Datagram
	for _, to := range slices.Sorted(maps.Keys(payloads)) {
		for _, payload := range payloads[to] {
			sealed, err := l.Seal(to, Advert, payload)
			all, errs = append(all, sealed...), append(errs, err)
		}
	}
	return all, errors.Join(errs...)
}

// peerNames are the configured peers'.
func (l *Link) peerNames() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.peers))
}

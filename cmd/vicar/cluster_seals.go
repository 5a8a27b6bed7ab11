// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"log/slog"

	"github.com/vicar-ha/vicar/guardian"
	"github.com/vicar-ha/vicar/transport/gossip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// releases implements seals.
func (u *cluster) releases() []guardian.Datagram {
	if u.guard == nil {
		return nil
	}
	u.mu.Lock()
	resources := u.resources
	u.mu.Unlock()
	var all []guardian.Datagram
	for _, r := range resources {
		for to, packet := range u.guard.Releases(r.Name) {
			all = append(all, u.seal(sealKey{r.Name, to}, packet)...)
		}
	}
	return all
}

// sealKey is whose release it is, and for whom.
type sealKey struct{ resource, to string }

// sealed is a release and its packets.
type sealed struct {
	packet    []byte
	datagrams []guardian.Datagram
}

// seal seals a release, once for each lease.
func (u *cluster) seal(key sealKey, packet []byte) []guardian.Datagram {
	u.mu.Lock()
	last := u.sealed[key]
	u.mu.Unlock()
	if bytes.Equal(last.packet, packet) {
		return last.datagrams
	}
	list, err := u.link.Seal(key.to, gossip.Lease, packet)
	if err != nil {
		u.log.Debug("a release can't be sealed", slog.String("peer", key.to), slog.Any("err", err))
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sealed[key] = sealed{packet, datagrams(list)}
	return u.sealed[key].datagrams
}

// adverts implements seals.
func (u *cluster) adverts(family int, packets []wire.Packet) []guardian.Datagram {
	sealed, err := u.link.SealAdverts(family, packets)
	if err != nil {
		u.log.Debug("adverts can't be sealed", slog.Any("err", err))
	}
	return datagrams(sealed)
}

func datagrams(sealed []gossip.Datagram) []guardian.Datagram {
	var all []guardian.Datagram
	for _, d := range sealed {
		all = append(all, guardian.Datagram{To: d.To, Data: d.Data})
	}
	return all
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Will is what is to be done when the agent has died.
type Will struct {
	// Claims are the addresses that are held, or may be: they stand here before
	// they are taken.
	Claims []vip.Claim
	// Datagrams leave when the addresses are gone, in this order: sealed packets
	// of the peer link, which release leases, and which carry adverts by gossip.
	Datagrams []Datagram
	// Farewells leave after them.
	Farewells []Farewell
}

// Datagram is a UDP packet.
type Datagram struct {
	From netip.Addr // the zero Addr: whatever the kernel takes
	To   netip.AddrPort
	Data []byte
}

// Farewell are adverts of priority 0 (RFC 9568 section 5.2.4) for one interface
// and family. The Src of each packet is the primary address.
type Farewell struct {
	Interface string
	Family    int // 4 or 6
	Multicast bool
	Packets   []wire.Packet
}

// encode makes bytes of a will.
func (w Will) encode() ([]byte, error) {
	b, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encoding the will: %w", err)
	}
	return b, nil
}

// errWill says that a will can't be carried out.
var errWill = errors.New("not a will")

// parseWill is the inverse of encode.
func parseWill(b []byte) (Will, error) {
	var w Will
	if err := json.Unmarshal(b, &w); err != nil {
		return Will{}, fmt.Errorf("%w: %w", errWill, err)
	}
	return w, w.check()
}

// check wants what the guardian relies on.
func (w Will) check() error {
	for _, c := range w.Claims {
		if c.Interface == "" {
			return fmt.Errorf("%w: a claim of %q without an interface", errWill, c.Router)
		}
		for _, p := range c.Addresses {
			if !p.IsValid() || p.Addr().Is4In6() || p.Addr().Zone() != "" {
				return fmt.Errorf("%w: a claim of %q with the address %v", errWill, c.Router, p)
			}
		}
	}
	for _, d := range w.Datagrams {
		if !d.To.IsValid() || d.From.IsValid() && d.From.Unmap().Is4() != d.To.Addr().Unmap().Is4() {
			return fmt.Errorf("%w: a datagram from %v to %v", errWill, d.From, d.To)
		}
	}
	for _, f := range w.Farewells {
		for _, p := range f.Packets {
			if !p.Src.IsValid() || !p.Dst.IsValid() {
				return fmt.Errorf("%w: a packet from %v to %v", errWill, p.Src, p.Dst)
			}
		}
	}
	return nil
}

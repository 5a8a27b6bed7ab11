// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
)

// Datagram is a packet that is ready to be sent by UDP.
type Datagram struct {
	To   netip.AddrPort
	Data []byte
}

// Seal makes the packets of a message, for another process to send after this
// one's death: from any port, at any time, one to each address of the receiver.
// The receiver hands the message on once, whatever else has come from this node
// before. It does so while it knows this node's start, be it that the node has
// started again since. It works before Run and after it.
//
// Keys, peers and their addresses are those of now: after Rotate and SetPeers
// a message has to be sealed again. Of many that are sealed for one receiver
// and all sent, it remembers the last 4096.
//
// Who steals such a packet can have its message delivered early, once, to that
// receiver, and nothing else: he can neither read nor change it, nor make
// another. So seal only what does no harm at any time, such as the release of
// one ballot: its holder then loses that lease, as a holder must be able to, and
// no other lease is touched.
func (l *Link) Seal(to string, ch Channel, payload []byte) ([]Datagram, error) {
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("sealing %d bytes for %s: %w, %d bytes", len(payload), to, ErrTooLong, MaxPayload)
	}
	l.mu.Lock()
	p := l.peers[to]
	var paths []netip.AddrPort
	var number uint64
	if p != nil {
		paths = l.paths(nil, to, p)
		p.sealed++
		number = p.sealed
	}
	l.mu.Unlock()
	if len(paths) == 0 {
		return nil, fmt.Errorf("sealing for %s: %w", to, ErrNoAddress)
	}
	f := frame{
		kind: kindSealed, channel: ch, start: l.start, number: number,
		copies: byte(min(len(paths), math.MaxUint8)), from: l.name, to: []byte(to), payload: payload,
	}
	data := (*l.ciphers.Load()).pack(make([]byte, 0, maxOwnPacket), l.cfg.Cluster, &f)
	list := make([]Datagram, len(paths))
	for i, a := range paths {
		list[i] = Datagram{To: a, Data: data}
	}
	return list, nil
}

// paths appends the addresses of a peer. The caller holds mu.
func (l *Link) paths(list []netip.AddrPort, name string, p *peer) []netip.AddrPort {
	list = append(list, p.resolved...)
	if m := l.members[name]; m != nil && !slices.Contains(list, m.Addr) {
		list = append(list, m.Addr)
	}
	return list
}

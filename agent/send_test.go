// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// sentBy runs one node for a second and returns what it sent, copied.
func sentBy(t *testing.T, cfg agent.Router) []wire.Packet {
	t.Helper()
	var sent []wire.Packet
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, cfg)
		n := w.nodes[0]
		n.cfg.Open = func(l agent.Link) (agent.Transport, error) {
			return &recorder{Transport: n.port.OpenFamily(l.Family, l.Multicast), sent: &sent}, nil
		}
		n.start(t)
		time.Sleep(time.Second)
		n.stop(t)
	})
	return sent
}

// recorder keeps what is sent over a Transport. The loop alone sends.
type recorder struct {
	agent.Transport
	sent *[]wire.Packet
}

func (r *recorder) Send(batch []wire.Packet) (int, error) {
	for _, p := range batch {
		p.Data = slices.Clone(p.Data)
		*r.sent = append(*r.sent, p)
	}
	return r.Transport.Send(batch)
}

// TestRFC9568_7_2 is what RFC 9568 section 7.2 says a sender MUST do, and the
// sections on the fields that it fills in.
func TestRFC9568_7_2(t *testing.T) {
	cfg := router(100*ms, "192.0.2.100/24", "192.0.2.101/24", "fe80::100/64", "2001:db8::100/64")
	sent := sentBy(t, cfg)
	seen := map[bool]int{}
	for _, p := range sent {
		is4 := p.Dst.Is4()
		seen[is4]++
		group, source := wire.Group6, netip.MustParseAddr("fe80::10") // 5.1.2.1: link-local
		if is4 {
			group, source = wire.Group4, netip.MustParseAddr("192.0.2.10") // 5.1.1.1: primary
		}
		if p.Dst != group || p.Src != source || p.TTL != 255 {
			t.Fatalf("sent from %v to %v with TTL %d", p.Src, p.Dst, p.TTL)
		}
		var ad wire.Advert
		sum, err := ad.Parse(p.Data, p.Src, p.Dst)
		if err != nil || sum != wire.ChecksumMessage {
			t.Fatalf("what was sent does not parse: %v (checksum form %v)", err, sum)
		}
		if ad.Version != wire.V3 || ad.VRID != 51 || ad.Interval != 100*ms || len(ad.Addresses) != 2 {
			t.Fatalf("sent %+v", ad)
		}
		if ad.Priority != 200 && ad.Priority != wire.PriorityStop {
			t.Fatalf("sent priority %d", ad.Priority)
		}
		if p.Data[4]>>4 != 0 {
			t.Fatal("5.2.6: the Reserve field MUST be set to zero on transmission")
		}
	}
	if seen[true] < 5 || seen[false] < 5 {
		t.Errorf("adverts by family: %v", seen)
	}
	last := sent[len(sent)-1].Data[2]
	if last != wire.PriorityStop {
		t.Errorf("6.4.3: on Shutdown an ADVERTISEMENT with priority 0 MUST be sent, the last has %d", last)
	}
}

// TestChecksumForm: version 3 over IPv4 can be sent as keepalived sums it.
func TestChecksumForm(t *testing.T) {
	cfg := router(100*ms, vip4.String())
	cfg.Checksum = wire.ChecksumPseudo
	for _, p := range sentBy(t, cfg) {
		var ad wire.Advert
		if sum, err := ad.Parse(p.Data, p.Src, p.Dst); err != nil || sum != wire.ChecksumPseudo {
			t.Fatalf("checksum form %v, %v", sum, err)
		}
	}
}

// TestUnicastDestinations: each peer gets a packet of its own.
func TestUnicastDestinations(t *testing.T) {
	cfg := router(100*ms, vip4.String())
	cfg.Multicast = false
	to := map[netip.Addr]int{}
	for _, p := range sentBy(t, cfg) {
		to[p.Dst]++
	}
	for i := 1; i < 5; i++ {
		if a := netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}); to[a] < 5 {
			t.Errorf("%d adverts to %v", to[a], a)
		}
	}
	if len(to) != 4 {
		t.Errorf("adverts went to %v", to)
	}
}

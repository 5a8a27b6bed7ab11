// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/hashicorp/memberlist"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// throughMemberlist runs a link that sends and receives by memberlist's methods
// alone, as one might that knows nothing of packet.go.
func throughMemberlist(t testing.TB, n *node) (send func(to netip.AddrPort, f *frame)) {
	t.Helper()
	n.sockets.advertised = netip.AddrPortFrom(loopback, n.Port())
	n.sockets.start(func([]byte, []byte, netip.AddrPort) bool { return true })
	list, err := memberlist.Create(n.tuned())
	labtest.OK(t, err)
	t.Cleanup(func() { labtest.OK(t, list.Shutdown()) })
	var buf []byte
	return func(to netip.AddrPort, f *frame) {
		buf = f.append(buf[:0])
		labtest.OK(t, list.SendToAddress(memberlist.Address{Addr: to.String()}, buf))
	}
}

// acquaint has nodes believe each other's starts.
func acquaint(a, b *node) {
	a.peers[b.name].lives.begin(b.start)
	b.peers[a.name].lives.begin(a.start)
}

// TestInterop wants packets of this package and of memberlist understood by
// each other, with either's first key.
func TestInterop(t *testing.T) {
	a := newNode(t, "lb-1", func(c *Config) { c.Keys = [][]byte{key(1), key(2)} })
	b := newNode(t, "lb-2", func(c *Config) { c.Keys = [][]byte{key(2), key(1)} })
	meet(t, a, b)
	acquaint(a, b)
	a.run(t)
	send := throughMemberlist(t, b)
	f := frame{kind: kindDirect, channel: Agent, start: b.start, from: b.Link.name, to: a.Link.name, payload: bytes.Repeat([]byte("m"), MaxPayload)}
	to := netip.MustParseAddrPort(a.address())
	labtest.Eventually(t, patience, "memberlist's packet", func() bool {
		f.number++
		send(to, &f)
		return a.received("lb-2: "+string(f.payload)) > 0
	})
	labtest.Eventually(t, patience, "a packet for memberlist", func() bool {
		// It hears packets a moment before it is running.
		if err := a.Send("lb-2", Agent, []byte("hello")); !errors.Is(err, ErrNotRunning) {
			labtest.OK(t, err)
		}
		return b.received("lb-1: hello") > 0
	})
	if s := a.Stats(); s != (Stats{}) {
		t.Errorf("dropped: %+v", s)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
)

// plainSocket is what another process sends from.
func plainSocket(t *testing.T) func(d Datagram) {
	t.Helper()
	conn, err := net.ListenUDP("udp", nil)
	labtest.OK(t, err)
	t.Cleanup(func() { conn.Close() })
	return func(d Datagram) {
		t.Helper()
		_, err := conn.WriteToUDPAddrPort(d.Data, d.To)
		labtest.OK(t, err)
	}
}

// TestSeal wants a sealed message taken once, long after others, in any order,
// after the sender's end and after its next start has begun.
func TestSeal(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	wantMembers(t, a, b)
	var sealed []Datagram
	for i := range 300 {
		d, err := b.Seal("lb-1", Lease, fmt.Appendf(nil, "sealed %d", i))
		labtest.OK(t, err)
		if len(d) != 1 || d[0].To.String() != a.address() {
			t.Fatalf("%d datagrams, to %v", len(d), d)
		}
		sealed = append(sealed, d...)
	}
	send := plainSocket(t)
	// repeated sends one that has come, and wants it counted.
	repeated := func(d Datagram) {
		t.Helper()
		before := a.Stats().Repeated
		send(d)
		labtest.Eventually(t, patience, "the repetition is counted", func() bool { return a.Stats().Repeated == before+1 })
	}
	taken := func(i int) {
		t.Helper()
		send(sealed[i])
		labtest.Eventually(t, patience, "sealed", func() bool { return a.received(fmt.Sprintf("lb-2: sealed %d", i)) == 1 })
		repeated(sealed[i])
	}
	const others = 10_000
	for i := range others {
		labtest.OK(t, b.Send("lb-1", Agent, []byte("other")))
		if i%500 == 499 {
			labtest.Eventually(t, patience, "the others", func() bool { return a.received("lb-2: other") == i+1 })
		}
	}
	taken(17)
	taken(299) // the last one
	taken(0)   // the first one
	wantMessages(t, "not in the way", a, b)
	b.end()
	taken(3)
	again := newNode(t, "lb-2", nil)
	meet(t, a, again)
	again.run(t)
	wantMessages(t, "new start", a, again)
	taken(200)
	d, err := again.Seal("lb-1", Lease, []byte("of the new start"))
	labtest.OK(t, err)
	send(d[0])
	labtest.Eventually(t, patience, "of the new start", func() bool { return a.received("lb-2: of the new start") == 1 })
	for _, i := range []int{0, 3, 17, 200, 299} {
		if n := a.received(fmt.Sprintf("lb-2: sealed %d", i)); n != 1 {
			t.Errorf("sealed %d came %d times", i, n)
		}
	}
	if s := a.Stats(); s.Duplicate != 0 {
		t.Errorf("a sealed message of a former start is taken for a second node: %+v", s)
	}
	if _, err := again.Seal("lb-9", Lease, nil); !errors.Is(err, ErrNoAddress) {
		t.Errorf("nobody: %v", err)
	}
	if _, err := again.Seal("lb-1", Lease, make([]byte, MaxPayload+1)); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}

// TestSealedOf wants a sealed message of a start that is not known refused, and
// one for another node.
func TestSealedOf(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	t.Cleanup(func() { b.Close() })
	meet(t, a, b)
	a.run(t)
	d, err := b.Seal("lb-1", Lease, []byte("release"))
	labtest.OK(t, err)
	send := plainSocket(t)
	send(d[0])
	labtest.Eventually(t, patience, "refused", func() bool { return a.Stats().Unproven == 1 })
	labtest.OK(t, b.SetPeers([]Peer{{"lb-3", []string{a.address()}}}))
	d, err = b.Seal("lb-3", Lease, []byte("release"))
	labtest.OK(t, err)
	send(d[0])
	labtest.Eventually(t, patience, "refused", func() bool { return a.Stats().Misdirected == 1 })
	if a.received("lb-2: release") != 0 {
		t.Error("taken")
	}
}

// TestPacketSize wants the longest message in a packet of 1400 bytes.
func TestPacketSize(t *testing.T) {
	c, err := newCiphers([][]byte{key(1)})
	labtest.OK(t, err)
	name := []byte(strings.Repeat("n", maxName))
	f := frame{kind: kindDirect, channel: Lease, from: name, to: name, payload: make([]byte, MaxPayload)}
	b := c.pack(nil, string(name), &f)
	if len(b) != maxOwnPacket || len(b) > 1400 {
		t.Errorf("%d bytes", len(b))
	}
	room := make([]byte, 0, maxPacket)
	plain, err := c.unpack(room, b, string(name))
	labtest.OK(t, err)
	inner, ok := message(plain)
	if got, err := parseFrame(inner); !ok || err != nil || !bytes.Equal(got.append(nil), f.append(nil)) {
		t.Errorf("%v, %v", ok, err)
	}
	for i := range b {
		b[i] ^= 1
		if _, err := c.unpack(room, b, string(name)); err == nil {
			t.Fatalf("byte %d may be another", i)
		}
		b[i] ^= 1
		if _, err := c.unpack(room, b[:i], string(name)); err == nil {
			t.Fatalf("%d bytes are enough", i)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	c, err := newCiphers([][]byte{key(1), key(2)})
	if err != nil {
		f.Fatal(err)
	}
	own := frame{kind: kindDirect, channel: Lease, from: []byte("lb-1"), to: []byte("lb-2")}
	good := c.pack(nil, "test", &own)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{packetLabel, 4, 't', 'e', 's', 't', packetVersion})
	f.Add([]byte{packetLabel, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		plain, err := c.unpack(make([]byte, 0, maxPacket), b, "test")
		if (err == nil) != (plain != nil) || err == nil && len(plain) != len(b)-2-4-1-nonceSize-tagSize {
			t.Errorf("%x: %d bytes, %v", b, len(plain), err)
		}
	})
}

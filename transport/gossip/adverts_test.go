// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// carrier reads Adverts until they are closed.
type carrier struct {
	*Adverts
	mu      sync.Mutex
	packets []wire.Packet
}

func openAdverts(t *testing.T, n *node, family int, vrids ...uint8) *carrier {
	c := &carrier{Adverts: n.Open(family, vrids...)}
	var reader sync.WaitGroup
	reader.Go(func() {
		batch := make([]wire.Packet, 16)
		for {
			n, err := c.Receive(batch)
			if err != nil {
				if !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				return
			}
			c.mu.Lock()
			for _, p := range batch[:n] {
				p.Data = bytes.Clone(p.Data)
				c.packets = append(c.packets, p)
			}
			c.mu.Unlock()
		}
	})
	t.Cleanup(func() {
		labtest.OK(t, c.Close())
		labtest.OK(t, c.Close())
		reader.Wait()
	})
	return c
}

func (c *carrier) got() []wire.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.packets)
}

// advertsTo are VRRP messages of a size for one node, each with its number.
func advertsTo(node string, family, count, size int) []wire.Packet {
	list := make([]wire.Packet, count)
	for i := range list {
		data := make([]byte, max(size, 6))
		data[0], data[1] = 0x31, byte(i%255+1)
		binary.BigEndian.PutUint32(data[2:], uint32(i))
		list[i] = wire.Packet{Src: netip.MustParseAddr("192.0.2.66"), Dst: vip.NodeAddress(node, family), Data: data}
	}
	return list
}

// TestAdverts wants each handle to get all of its family, in order, with the
// sender's address, whatever the packet says.
func TestAdverts(t *testing.T) {
	a, b, c := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil), newNode(t, "lb-3", nil)
	meet(t, a, b, c)
	from4, from6 := openAdverts(t, a, 4), openAdverts(t, a, 6)
	to4, again4, some4, to6 := openAdverts(t, b, 4), openAdverts(t, b, 4), openAdverts(t, b, 4, 7), openAdverts(t, b, 6)
	other := openAdverts(t, c, 4)
	for _, n := range []*node{a, b, c} {
		n.run(t)
	}
	wantMessages(t, "up", a, b, c)

	const count = 250
	list := advertsTo("lb-2", 4, count, 16)
	elsewhere := advertsTo("lb-3", 4, count, 16)
	var both []wire.Packet
	for i := range list {
		both = append(both, list[i], elsewhere[i])
	}
	before := a.peers["lb-2"].sent
	if n, err := from4.Send(both); n != len(both) || err != nil {
		t.Fatalf("sent %d: %v", n, err)
	}
	a.mu.Lock()
	packets := a.peers["lb-2"].sent - before
	a.mu.Unlock()
	if packets > 4 {
		t.Errorf("%d packets to one node", packets)
	}
	six := advertsTo("lb-2", 6, 3, maxAdvert)
	if n, err := from6.Send(six); n != 3 || err != nil {
		t.Fatalf("sent %d: %v", n, err)
	}
	want := func(c *carrier, sent []wire.Packet, family int, name string) {
		t.Helper()
		labtest.Eventually(t, patience, "adverts", func() bool { return len(c.got()) >= len(sent) })
		for i := range sent {
			sent[i].Src, sent[i].TTL = vip.NodeAddress("lb-1", family), wire.TTL
		}
		if diff := cmp.Diff(sent, c.got(), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	want(to4, list, 4, "first")
	want(again4, list, 4, "second")
	want(to6, six, 6, "IPv6")
	want(some4, list[6:7], 4, "one virtual router")
	want(other, elsewhere, 4, "lb-3")
	for _, n := range []string{"lb-1", "lb-2", "lb-3"} {
		if m := a.member(n); n != "lb-1" && m.Name == "" {
			t.Logf("%s has not joined", n)
		}
	}
}

// TestAdvertErrors wants what can't go to one node not to keep back the rest.
func TestAdvertErrors(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	labtest.OK(t, a.SetPeers([]Peer{{"lb-2", []string{b.address()}}, {"lb-3", nil}}))
	from, to := openAdverts(t, a, 4), openAdverts(t, b, 4)
	good := advertsTo("lb-2", 4, 2, 16)
	if n, err := from.Send(good); n != 0 || !errors.Is(err, ErrNotRunning) {
		t.Errorf("before Run: %d, %v", n, err)
	}
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	for _, bad := range []struct {
		packet wire.Packet
		want   error
	}{
		{advertsTo("lb-9", 4, 1, 16)[0], errDestination},
		{advertsTo("lb-1", 4, 1, 16)[0], errDestination},
		{advertsTo("lb-2", 6, 1, 16)[0], errDestination},
		{wire.Packet{Dst: wire.Group4, Data: good[0].Data}, errDestination},
		{advertsTo("lb-3", 4, 1, 16)[0], ErrNoAddress},
		{advertsTo("lb-2", 4, 1, maxAdvert+1)[0], ErrTooLong},
		{wire.Packet{Dst: vip.NodeAddress("lb-2", 4)}, ErrTooLong},
	} {
		before := len(to.got())
		n, err := from.Send([]wire.Packet{good[0], bad.packet, good[1]})
		if n != 2 || !errors.Is(err, bad.want) {
			t.Errorf("%v: %d sent, %v, want %v", bad.packet.Dst, n, err, bad.want)
		}
		labtest.Eventually(t, patience, "the good ones", func() bool { return len(to.got()) == before+2 })
	}
	labtest.OK(t, from.Close())
	if n, err := from.Send(good); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %d, %v", n, err)
	}
	if from.Pending() {
		t.Error("closed, and something waits")
	}
}

// TestAdvertOverflow wants the newest kept, and the link to go on, when nobody
// receives.
func TestAdvertOverflow(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	meet(t, a, b)
	out, in := a.Open(4), b.Open(4)
	t.Cleanup(func() { out.Close(); in.Close() })
	a.run(t)
	b.run(t)
	wantMessages(t, "up", a, b)
	const more = 100
	list := advertsTo("lb-2", 4, advertQueue+more, 16)
	for part := range slices.Chunk(list, 64) {
		if n, err := out.Send(part); n != len(part) || err != nil {
			t.Fatalf("sent %d: %v", n, err)
		}
	}
	labtest.Eventually(t, patience, "overflow", func() bool { return b.Stats().Overflow == more })
	wantMessages(t, "still here", a, b)
	if !in.Pending() {
		t.Error("nothing waits")
	}
	var got []uint32
	batch := make([]wire.Packet, 100)
	for len(got) < advertQueue {
		n, err := in.Receive(batch)
		labtest.OK(t, err)
		for _, p := range batch[:n] {
			got = append(got, binary.BigEndian.Uint32(p.Data[2:]))
		}
	}
	for i, n := range got {
		if n != uint32(i+more) {
			t.Fatalf("advert %d is number %d", i, n)
		}
	}
	labtest.Eventually(t, patience, "nothing waits", func() bool { return !in.Pending() })
}

// TestPendingUnread wants what the link has not read yet seen: an agent that wakes
// late must know that adverts wait.
func TestPendingUnread(t *testing.T) {
	a, b := newNode(t, "lb-1", nil), newNode(t, "lb-2", nil)
	t.Cleanup(func() { b.Close() })
	meet(t, a, b)
	acquaint(a, b)
	in := a.Open(4)
	if in.Pending() {
		t.Error("nothing was sent")
	}
	sealed, err := b.Seal("lb-1", Advert, appendAdvert(beginAdverts(nil, 4), []byte("12345678")))
	labtest.OK(t, err)
	plainSocket(t)(sealed[0])
	labtest.Eventually(t, patience, "it waits in the socket", in.Pending)
	a.run(t)
	batch := make([]wire.Packet, 1)
	if n, err := in.Receive(batch); n != 1 || err != nil || string(batch[0].Data) != "12345678" {
		t.Errorf("%d, %v, %q", n, err, batch[0].Data)
	}
	labtest.Eventually(t, patience, "nothing waits", func() bool { return !in.Pending() })
	labtest.OK(t, in.Close())
}

// TestReceivedData wants Data valid until the next Receive, whatever comes.
func TestReceivedData(t *testing.T) {
	n := newNode(t, "lb-1", nil)
	t.Cleanup(func() { n.Close() })
	a := n.Open(4)
	batch := make([]wire.Packet, 8)
	for round := range 5 {
		for i := range 4 {
			a.push(vip.NodeAddress("lb-2", 4), []byte(strings.Repeat(string(rune('a'+round)), 8+i)))
		}
		got, err := a.Receive(batch)
		labtest.OK(t, err)
		for range 2 * advertQueue {
			a.push(vip.NodeAddress("lb-2", 4), []byte("overwritten..."))
		}
		for i, p := range batch[:got] {
			if string(p.Data) != strings.Repeat(string(rune('a'+round)), 8+i) {
				t.Fatalf("round %d, packet %d is %q", round, i, p.Data)
			}
		}
		for a.length > 0 {
			_, err := a.Receive(batch)
			labtest.OK(t, err)
		}
	}
}

func FuzzParseAdverts(f *testing.F) {
	two := appendAdvert(appendAdvert(beginAdverts(nil, 4), []byte("12345678")), []byte("x"))
	f.Add(two)
	f.Add(two[:len(two)-1])
	f.Add(beginAdverts(nil, 6))
	f.Add(appendAdvert(beginAdverts(nil, 6), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		family, list, err := parseAdverts(b)
		if err != nil {
			return
		}
		again := beginAdverts(nil, family)
		for data := range list {
			again = appendAdvert(again, data)
		}
		if !bytes.Equal(again, b) {
			t.Errorf("%x is read as %x", b, again)
		}
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package memnet_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/transport/memnet"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

const ms = time.Millisecond

var (
	addrA  = netip.MustParseAddr("192.0.2.10")
	addrB  = netip.MustParseAddr("192.0.2.11")
	addrC  = netip.MustParseAddr("192.0.2.12")
	addrA6 = netip.MustParseAddr("2001:db8::10")
	addrB6 = netip.MustParseAddr("2001:db8::11")
)

// trio is three hosts with a multicast Conn each.
type trio struct {
	lan                 *memnet.LAN
	a, b, c             *memnet.Host
	connA, connB, connC *memnet.Conn
}

// bubble runs a test with a trio, in its own time.
func bubble(t *testing.T, seed uint64, test func(t *testing.T, w *trio)) {
	synctest.Test(t, func(t *testing.T) {
		lan := memnet.New(seed)
		t.Log(lan)
		w := &trio{
			lan: lan,
			a:   lan.Host("a", addrA, addrA6), b: lan.Host("b", addrB, addrB6), c: lan.Host("c", addrC),
		}
		w.connA, w.connB, w.connC = w.a.Open(true), w.b.Open(true), w.c.Open(true)
		test(t, w)
	})
}

func TestMulticast(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		send(t, w.connA, wire.Packet{Dst: wire.Group4, Data: []byte("one")}, wire.Packet{Dst: wire.Group4, Data: []byte("two")})
		for _, c := range []*memnet.Conn{w.connB, w.connC} {
			if !c.Pending() {
				t.Error("nothing is pending")
			}
			got := receive(t, c)
			if len(got) != 2 || string(got[0].Data) != "one" || string(got[1].Data) != "two" {
				t.Fatalf("received %v", got)
			}
			if p := got[0]; p.Src != addrA || p.Dst != wire.Group4 || p.TTL != wire.TTL {
				t.Errorf("from %v to %v with TTL %d", p.Src, p.Dst, p.TTL)
			}
			if c.Pending() {
				t.Error("something is pending after all was received")
			}
		}
		if w.connA.Pending() {
			t.Error("the sender hears itself")
		}
	})
}

func TestFamilies(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		four, six := w.b.OpenFamily(4, true), w.b.OpenFamily(6, true)
		unicast := w.b.Open(false)
		send(t, w.connA, packet(wire.Group4, 0), packet(wire.Group6, 1), packet(addrB, 2), packet(addrB6, 3))
		for name, c := range map[string]struct {
			conn *memnet.Conn
			want []byte
		}{
			"both": {w.connB, []byte{0, 1, 2, 3}}, "IPv4": {four, []byte{0, 2}},
			"IPv6": {six, []byte{1, 3}}, "unicast": {unicast, []byte{2, 3}}, "another host": {w.connC, []byte{0, 1}},
		} {
			if got := firstBytes(receive(t, c.conn)); !slices.Equal(got, c.want) {
				t.Errorf("%s: received %v, want %v", name, got, c.want)
			}
		}
		n, err := four.Send([]wire.Packet{packet(addrA, 0), packet(addrA6, 1)})
		if n != 1 || err == nil {
			t.Errorf("sent %d of the other family, error %v", n, err)
		}
		if n, err := w.connC.Send([]wire.Packet{packet(addrA6, 0)}); n != 0 || err == nil {
			t.Errorf("sent %d without a source, error %v", n, err)
		}
		w.b.SetAddresses(addrC)
		send(t, w.connA, packet(addrB, 4), packet(addrC, 5))
		if got := firstBytes(receive(t, unicast)); !slices.Equal(got, []byte{5}) {
			t.Errorf("received %v after the address changed", got)
		}
	})
}

func TestForged(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		send(t, w.connA, wire.Packet{Src: addrC, Dst: addrB, TTL: 3})
		if got := receive(t, w.connB)[0]; got.Src != addrC || got.TTL != 3 {
			t.Errorf("received %+v", got)
		}
	})
}

// The sender, each receiver, and the call after have bytes of their own.
func TestCopies(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		w.lan.SetDelay(0, ms)
		data := []byte{7}
		send(t, w.connA, wire.Packet{Dst: wire.Group4, Data: data})
		data[0] = 8
		time.Sleep(ms)
		first := receive(t, w.connB)[0]
		first.Data[0]++
		if second := receive(t, w.connC)[0]; second.Data[0] != 7 {
			t.Errorf("received %d, which another wrote", second.Data[0])
		}
		send(t, w.connA, wire.Packet{Dst: wire.Group4, Data: data})
		time.Sleep(ms)
		receive(t, w.connB)
		if first.Data[0] == 8 {
			t.Error("the data of a Receive outlives the next one")
		}
	})
}

func TestLossBySeed(t *testing.T) {
	run := func(seed uint64, disturb bool) (got []byte) {
		bubble(t, seed, func(t *testing.T, w *trio) {
			w.lan.SetLoss(0.3)
			w.lan.SetDuplicate(0.2)
			w.lan.SetDelay(0, 5*ms)
			for i := range byte(100) {
				if disturb { // another direction has its own fate
					send(t, w.connC, packet(addrA, i))
				}
				send(t, w.connA, packet(addrB, i))
			}
			time.Sleep(5 * ms)
			got = firstBytes(receive(t, w.connB))
		})
		return got
	}
	first := run(1, false)
	if len(first) == 100 || len(first) < 50 {
		t.Errorf("%d of 100 packets arrived", len(first))
	}
	if again := run(1, true); !slices.Equal(first, again) {
		t.Errorf("one seed, two results\n%v\n%v", first, again)
	}
	if other := run(2, false); slices.Equal(first, other) {
		t.Error("two seeds, one result")
	}
	if slices.IsSorted(first) {
		t.Error("no packet overtook another")
	}
	if sorted := slices.Sorted(slices.Values(first)); len(slices.Compact(sorted)) == len(first) {
		t.Error("no packet arrived twice")
	}
}

func TestLossAll(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		w.lan.SetLoss(1)
		send(t, w.connA, packet(addrB, 0))
		w.lan.SetLoss(0)
		send(t, w.connA, packet(addrB, 1))
		if got := firstBytes(receive(t, w.connB)); !slices.Equal(got, []byte{1}) {
			t.Errorf("received %v", got)
		}
	})
}

func TestDelay(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		w.lan.SetDelay(3*ms, 3*ms)
		start := time.Now()
		for i := range byte(10) {
			send(t, w.connA, packet(addrB, i))
		}
		if w.connB.Pending() {
			t.Error("it is there at once")
		}
		got := receive(t, w.connB)
		if d := time.Since(start); d != 3*ms {
			t.Errorf("it took %v", d)
		}
		synctest.Wait()
		if w.connB.Pending() {
			got = append(got, receive(t, w.connB)...)
		}
		if want := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(firstBytes(got), want) {
			t.Errorf("in another order: %v", firstBytes(got))
		}
	})
}

func TestCuts(t *testing.T) {
	reached := func(t *testing.T, w *trio) string {
		conns := []*memnet.Conn{w.connA, w.connB, w.connC}
		var out []byte
		for from, c := range conns {
			send(t, c, packet(wire.Group4, 0))
			for to, o := range conns {
				if o.Pending() {
					receive(t, o)
					out = fmt.Appendf(out, "%c%c ", 'a'+from, 'a'+to)
				}
			}
		}
		return string(out)
	}
	const all = "ab ac ba bc ca cb "
	for _, c := range []struct {
		name string
		do   func(*memnet.LAN)
		want string
	}{
		{"whole", func(*memnet.LAN) {}, all},
		{"one way", func(l *memnet.LAN) { l.CutOneWay("a", "b") }, "ac ba bc ca cb "},
		{"both ways", func(l *memnet.LAN) { l.Cut("a", "b") }, "ac bc ca cb "},
		{"isolated", func(l *memnet.LAN) { l.Isolate("c") }, "ab ba "},
		{"healed", func(l *memnet.LAN) { l.Isolate("c"); l.Cut("a", "b"); l.Heal() }, all},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, 1, func(t *testing.T, w *trio) {
				c.do(w.lan)
				if got := reached(t, w); got != c.want {
					t.Errorf("passed %s, want %s", got, c.want)
				}
			})
		})
	}
	t.Run("under way", func(t *testing.T) {
		bubble(t, 1, func(t *testing.T, w *trio) {
			w.lan.SetDelay(2*ms, 2*ms)
			send(t, w.connA, packet(wire.Group4, 0))
			time.Sleep(ms)
			w.lan.CutOneWay("a", "b")
			time.Sleep(ms)
			synctest.Wait()
			if w.connB.Pending() || !w.connC.Pending() {
				t.Error("a cut must end what is under way there, and nothing else")
			}
		})
	})
}

func TestReceiveWaits(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		time.AfterFunc(time.Second, func() { _, _ = w.connA.Send([]wire.Packet{packet(addrB, 1)}) })
		start := time.Now()
		if got := firstBytes(receive(t, w.connB)); !slices.Equal(got, []byte{1}) || time.Since(start) != time.Second {
			t.Errorf("received %v after %v", got, time.Since(start))
		}
	})
}

// Out of a bubble it works too, in real time.
func TestRealTime(t *testing.T) {
	lan := memnet.New(1)
	lan.SetDelay(time.Microsecond, ms)
	from, to := lan.Host("a", addrA).Open(false), lan.Host("b", addrB).Open(false)
	for i := range byte(10) {
		send(t, from, packet(addrB, i))
	}
	var got []byte
	for len(got) < 10 {
		got = append(got, firstBytes(receive(t, to))...)
	}
	slices.Sort(got)
	if want := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("received %v", got)
	}
}

func TestSmallBatch(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		for i := range byte(5) {
			send(t, w.connA, packet(addrB, i))
		}
		batch := make([]wire.Packet, 2)
		var got []byte
		for w.connB.Pending() {
			n, err := w.connB.Receive(batch)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, firstBytes(batch[:n])...)
		}
		if !slices.Equal(got, []byte{0, 1, 2, 3, 4}) {
			t.Errorf("received %v", got)
		}
	})
}

func TestClose(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		result := make(chan error)
		go func() {
			_, err := w.connB.Receive(make([]wire.Packet, 1))
			result <- err
		}()
		synctest.Wait()
		for range 2 {
			if err := w.connB.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := <-result; !errors.Is(err, net.ErrClosed) {
			t.Errorf("the Receive that waited: %v", err)
		}
		if _, err := w.connB.Receive(make([]wire.Packet, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Receive after Close: %v", err)
		}
		if _, err := w.connB.Send([]wire.Packet{packet(addrA, 0)}); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send after Close: %v", err)
		}
		send(t, w.connA, packet(addrB, 0)) // to nobody
		again := w.b.Open(false)
		send(t, w.connA, packet(addrB, 1))
		if got := firstBytes(receive(t, again)); !slices.Equal(got, []byte{1}) {
			t.Errorf("the next Conn received %v", got)
		}
	})
}

func TestOverflow(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		const sent = 3000
		for i := range sent {
			send(t, w.connA, packet(addrB, byte(i)))
		}
		got := 0
		for w.connB.Pending() {
			got += len(receive(t, w.connB))
		}
		if lost := w.connB.Overflow(); got == sent || got == 0 || uint64(got)+lost != sent {
			t.Errorf("received %d and dropped %d of %d", got, lost, sent)
		}
		send(t, w.connA, packet(addrB, 9))
		if got := firstBytes(receive(t, w.connB)); !slices.Equal(got, []byte{9}) {
			t.Errorf("received %v after the overflow", got)
		}
	})
}

func TestFreeze(t *testing.T) {
	bubble(t, 1, func(t *testing.T, w *trio) {
		got := make(chan []byte, 1)
		go func() { got <- firstBytes(receive(t, w.connB)) }()
		synctest.Wait()
		w.b.Freeze()
		send(t, w.connA, packet(addrB, 1), packet(addrB, 2))
		synctest.Wait()
		select {
		case p := <-got:
			t.Fatalf("a frozen host received %v", p)
		default:
		}
		if !w.connB.Pending() {
			t.Error("nothing is pending")
		}
		w.b.Thaw()
		if p := <-got; !slices.Equal(p, []byte{1, 2}) {
			t.Errorf("received %v after the thaw", p)
		}
	})
}

func TestMistakes(t *testing.T) {
	for name, f := range map[string]func(*memnet.LAN){
		"unknown host":   func(l *memnet.LAN) { l.Isolate("b") },
		"the same name":  func(l *memnet.LAN) { l.Host("a") },
		"negative delay": func(l *memnet.LAN) { l.SetDelay(-1, 0) },
		"no such family": func(l *memnet.LAN) { l.Host("c").OpenFamily(5, true) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("a mistake of the test goes unnoticed")
				}
			}()
			l := memnet.New(1)
			l.Host("a")
			f(l)
		})
	}
}

func packet(dst netip.Addr, b byte) wire.Packet { return wire.Packet{Dst: dst, Data: []byte{b}} }

func firstBytes(batch []wire.Packet) (out []byte) {
	for _, p := range batch {
		out = append(out, p.Data[0])
	}
	return out
}

func send(t *testing.T, c *memnet.Conn, batch ...wire.Packet) {
	t.Helper()
	if n, err := c.Send(batch); n != len(batch) || err != nil {
		t.Fatalf("sent %d of %d: %v", n, len(batch), err)
	}
}

func receive(t *testing.T, c *memnet.Conn) []wire.Packet {
	t.Helper()
	batch := make([]wire.Packet, 256)
	n, err := c.Receive(batch)
	if err != nil {
		t.Errorf("receiving: %v", err)
	}
	return batch[:n]
}

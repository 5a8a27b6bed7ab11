// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/status"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

const ms = time.Millisecond

var vip4 = netip.MustParsePrefix("192.0.2.100/24")

// inBubble runs a story of two nodes with an interval of 100 ms: lb-1 (200) and
// lb-2 (150), the first of which is Active when the story begins.
func inBubble(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, router(100*ms, vip4.String()))
		w.start()
		defer w.stop()
		time.Sleep(time.Second)
		w.want("lb-1")
		story(t, w)
	})
}

// want checks who holds the address at this instant.
func (w *world) want(names ...string) {
	w.t.Helper()
	synctest.Wait()
	if got := w.holders(vip4); !slices.Equal(got, names) {
		w.t.Errorf("holders %v, want %v", got, names)
	}
}

func (n *node) status(t *testing.T) status.Status {
	t.Helper()
	s, err := n.agent.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *node) router(t *testing.T) status.Router {
	t.Helper()
	return n.status(t).Routers[0]
}

// TestHolderLost: a Backup waits for three intervals and its skew after the
// last advert (RFC 9568 section 6.1).
func TestHolderLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.lan.Isolate("lb-1")
		time.Sleep(241 * ms) // the last advert may be an interval old, the skew is 41.4 ms
		w.want("lb-1")
		time.Sleep(101 * ms)
		w.want("lb-1", "lb-2") // a partition: there is no guard yet
		w.lan.Heal()
		time.Sleep(200 * ms)
		w.want("lb-1")
	})
}

// TestStop: an orderly stop gives the addresses up before it says so, and the
// Backup waits for its skew alone.
func TestStop(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		first := w.nodes[0]
		first.kernel.mu.Lock()
		first.kernel.slow = 50 * ms
		first.kernel.mu.Unlock()
		first.cancel()
		time.Sleep(49 * ms)
		w.want("lb-1")
		time.Sleep(2 * ms)
		w.want()
		time.Sleep(42 * ms)
		w.want("lb-2")
		if got := w.nodes[1].router(t).Engines[0].PriorityZero; got != 1 {
			t.Errorf("lb-2 heard %d adverts of priority 0, want 1", got)
		}
	})
}

// TestLinkDown: a router whose interface is down is in Fault, says why, and
// comes back by itself.
func TestLinkDown(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.nodes[0].kernel.setUp(false)
		time.Sleep(500 * ms)
		w.want("lb-2")
		if r := w.nodes[0].router(t); r.State != "Initialize" || r.Reason != "interface eth0 is down" {
			t.Errorf("state %s, reason %q", r.State, r.Reason)
		}
		w.nodes[0].kernel.setUp(true)
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestAcquireFails: who can't hold the addresses lets another do it.
func TestAcquireFails(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.nodes[0].stop(t)
		w.nodes[0].kernel.setBroken(errBroken)
		w.nodes[0].start(t)
		time.Sleep(2 * time.Second)
		w.want("lb-2")
		w.nodes[0].kernel.setBroken(nil)
		time.Sleep(10 * time.Second)
		w.want("lb-1")
	})
}

// TestStolen: an address that somebody removes comes back, counted.
func TestStolen(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		before := w.nodes[0].kernel.announced
		w.nodes[0].kernel.steal(vip4)
		w.want("lb-1")
		r := w.nodes[0].router(t)
		if r.Restored != 1 || r.State != "Active" {
			t.Errorf("restored %d, state %s", r.Restored, r.State)
		}
		if w.nodes[0].kernel.announced == before {
			t.Error("the restored address was not announced")
		}
	})
}

// TestStall: an Active that was held up for longer than the others wait steps
// down before it sends.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, router(100*ms, vip4.String()))
		var jump atomic.Int64
		w.nodes[0].cfg.Now = func() time.Time { return time.Now().Add(time.Duration(jump.Load())) }
		w.start()
		defer w.stop()
		time.Sleep(time.Second)
		w.want("lb-1")
		sent := w.nodes[0].router(t).Engines[0].Sent
		jump.Store(int64(time.Minute))
		time.Sleep(100 * ms)
		synctest.Wait()
		s := w.nodes[0].status(t)
		if s.Loop.Stalls != 1 || s.Routers[0].State != "Backup" || s.Routers[0].Engines[0].Sent != sent {
			t.Errorf("stalls %d, state %s, adverts sent meanwhile %d", s.Loop.Stalls,
				s.Routers[0].State, s.Routers[0].Engines[0].Sent-sent)
		}
		time.Sleep(time.Second)
		w.want("lb-1")
	})
}

// TestDrops: what doesn't fit is dropped, counted by its reason, and changes
// nothing.
func TestDrops(t *testing.T) {
	good := wire.Advert{
		Version: wire.V3, VRID: 51, Priority: 254, Interval: 100 * ms, Addresses: []netip.Addr{vip4.Addr()},
	}
	src := netip.MustParseAddr("192.0.2.99")
	encode := func(a wire.Advert, dst netip.Addr) []byte {
		data, err := a.AppendTo(nil, src, dst, wire.ChecksumMessage)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	v2 := good
	v2.Version, v2.Interval = wire.V2, time.Second
	for name, c := range map[string]struct {
		packet wire.Packet
		want   string
	}{
		"7.1 TTL":       {wire.Packet{Dst: wire.Group4, TTL: 254, Data: encode(good, wire.Group4)}, "ttl"},
		"7.1 version":   {wire.Packet{Dst: wire.Group4, TTL: 255, Data: encode(v2, wire.Group4)}, "version"},
		"7.1 truncated": {wire.Packet{Dst: wire.Group4, TTL: 255, Data: encode(good, wire.Group4)[:9]}, "truncated"},
		"7.1 checksum":  {wire.Packet{Dst: wire.Group4, TTL: 255, Data: flip(encode(good, wire.Group4), 6)}, "checksum"},
		"7.1 type":      {wire.Packet{Dst: wire.Group4, TTL: 255, Data: flip(encode(good, wire.Group4), 0)}, "type"},
		"unicast":       {wire.Packet{Dst: netip.MustParseAddr("192.0.2.10"), TTL: 255, Data: encode(good, src)}, "not_multicast"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				stranger := w.lan.Host("stranger", src).Open(true)
				defer func() { _ = stranger.Close() }()
				c.packet.Src = src
				if _, err := stranger.Send([]wire.Packet{c.packet}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * ms)
				w.want("lb-1")
				r := w.nodes[0].router(t)
				if r.Engines[0].Dropped[c.want] != 1 {
					t.Errorf("dropped %v, want one for %s", r.Engines[0].Dropped, c.want)
				}
			})
		})
	}
}

// flip spoils a byte.
func flip(data []byte, at int) []byte {
	data[at] ^= 2
	return data
}

// TestUnicastSources: a unicast router hears its peers alone.
func TestUnicastSources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := router(100*ms, vip4.String())
		cfg.Multicast = false
		w := newWorld(t, 1, 2, cfg)
		w.start()
		defer w.stop()
		time.Sleep(time.Second)
		w.want("lb-1")
		src, dst := netip.MustParseAddr("192.0.2.99"), netip.MustParseAddr("192.0.2.10")
		better := wire.Advert{
			Version: wire.V3, VRID: 51, Priority: 254, Interval: 100 * ms, Addresses: []netip.Addr{vip4.Addr()},
		}
		stranger := w.lan.Host("stranger", src).Open(false)
		defer func() { _ = stranger.Close() }()
		for _, to := range []netip.Addr{dst, wire.Group4} {
			data, err := better.AppendTo(nil, src, to, wire.ChecksumMessage)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stranger.Send([]wire.Packet{{Src: src, Dst: to, TTL: 255, Data: data}}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * ms)
		w.want("lb-1")
		if got := w.nodes[0].router(t).Engines[0].Dropped; got["not_peer"] != 1 {
			t.Errorf("dropped %v, want one not_peer", got)
		}
	})
}

// TestNewRefuses: what can't work is refused before anything starts.
func TestNewRefuses(t *testing.T) {
	good := newWorld(t, 1, 1, router(100*ms, vip4.String())).nodes[0].cfg
	for name, spoil := range map[string]func(*agent.Config){
		"no network":   func(c *agent.Config) { c.Network = nil },
		"no mover":     func(c *agent.Config) { c.Routers[0].Movers = nil },
		"no address":   func(c *agent.Config) { c.Routers[0].Addresses = nil },
		"no VRID":      func(c *agent.Config) { c.Routers[0].VRID = 0 },
		"no interval":  func(c *agent.Config) { c.Routers[0].Interval = 0 },
		"twice a name": func(c *agent.Config) { c.Routers = append(c.Routers, c.Routers[0]) },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good
			cfg.Routers = slices.Clone(good.Routers)
			spoil(&cfg)
			if _, err := agent.New(cfg); err == nil {
				t.Error("New accepted it")
			}
		})
	}
}

// aged is a Transport whose packets were read late.
type aged struct {
	agent.Transport
	age time.Duration
}

func (a aged) Receive(batch []wire.Packet) (int, error) {
	n, err := a.Transport.Receive(batch)
	for i := range batch[:n] {
		batch[i].Age = a.age
	}
	return n, err
}

// TestAge: a packet that was read late counts from when it arrived.
func TestAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 2, router(100*ms, vip4.String()))
		late := w.nodes[1]
		late.cfg.Open = func(agent.Link) (agent.Transport, error) { return aged{late.port.Open(true), 30 * ms}, nil }
		late.start(t)
		defer late.stop(t)
		time.Sleep(time.Second)
		w.want("lb-2")
		w.from(netip.MustParseAddr("192.0.2.99"), 254)
		time.Sleep(300*ms + 41*ms - 30*ms) // the skew is 41.4 ms
		w.want()
		time.Sleep(ms)
		w.want("lb-2")
	})
}

// from sends an advert of the router as another host would.
func (w *world) from(src netip.Addr, priority uint8) {
	w.t.Helper()
	ad := wire.Advert{
		Version: wire.V3, VRID: 51, Priority: priority, Interval: 100 * ms, Addresses: []netip.Addr{vip4.Addr()},
	}
	data, err := ad.AppendTo(nil, src, wire.Group4, wire.ChecksumMessage)
	if err != nil {
		w.t.Fatal(err)
	}
	stranger := w.lan.Host("stranger", src).Open(true)
	defer func() { _ = stranger.Close() }()
	if _, err := stranger.Send([]wire.Packet{{Src: src, Dst: wire.Group4, TTL: 255, Data: data}}); err != nil {
		w.t.Fatal(err)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// tap counts the adverts of each VRID that a stranger on the LAN sees.
type tap struct {
	conn agent.Transport
	seen chan [2]uint8 // VRID, priority
}

func (w *world) tap() *tap {
	p := &tap{
		conn: w.lan.Host("tap", netip.MustParseAddr("192.0.2.200")).Open(true),
		seen: make(chan [2]uint8, 10000),
	}
	go func() {
		batch := make([]wire.Packet, 16)
		for {
			n, err := p.conn.Receive(batch)
			if err != nil {
				close(p.seen)
				return
			}
			for _, b := range batch[:n] {
				p.seen <- [2]uint8{b.Data[1], b.Data[2]}
			}
		}
	}()
	return p
}

// count ends the tap and counts by VRID and priority.
func (p *tap) count() map[[2]uint8]int {
	_ = p.conn.Close()
	counts := make(map[[2]uint8]int)
	for s := range p.seen {
		counts[s]++
	}
	return counts
}

// withRouters is the node's configuration with other routers.
func (n *node) withRouters(rs ...agent.Router) agent.Config {
	cfg := n.cfg
	cfg.Routers = rs
	return cfg
}

// second is another router like r.
func second(r agent.Router) agent.Router {
	r.Name, r.VRID = "api", 52
	r.Addresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.101/24")}
	return r
}

// TestReloadUnchanged: a router that the new file doesn't change misses no
// advert, though others come and go on its socket.
func TestReloadUnchanged(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := w.nodes[0]
		web := n.cfg.Routers[0]
		p := w.tap()
		for range 5 {
			time.Sleep(95 * ms)
			if err := n.agent.Reload(t.Context(), n.withRouters(web, second(web))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(105 * ms)
			if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.count()[[2]uint8{51, 200}]; got < 10 || got > 11 {
			t.Errorf("%d adverts of the unchanged router in ten intervals", got)
		}
		r := n.router(t)
		if r.Transitions["Active"] != 1 || r.State != "Active" {
			t.Errorf("state %s, transitions %v", r.State, r.Transitions)
		}
	})
}

// TestReloadInPlace: addresses and priorities change without a move.
func TestReloadInPlace(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := w.nodes[0]
		web := n.cfg.Routers[0]
		more := netip.MustParsePrefix("192.0.2.102/24")
		web.Addresses = append(slices.Clone(web.Addresses), more)
		web.Priority = 180
		if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * ms)
		synctest.Wait()
		if !n.kernel.holds(more) || !n.kernel.holds(vip4) {
			t.Error("the addresses are not held after the reload")
		}
		web.Addresses = web.Addresses[1:]
		if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * ms)
		synctest.Wait()
		if !n.kernel.holds(more) || n.kernel.holds(vip4) {
			t.Error("the removed address is held, or the remaining one is not")
		}
		if r := n.router(t); r.Priority != 180 || r.Transitions["Active"] != 1 {
			t.Errorf("priority %d, transitions %v", r.Priority, r.Transitions)
		}
	})
}

// TestReloadPriority: a lowered priority moves the address at once.
func TestReloadPriority(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := w.nodes[0]
		web := n.cfg.Routers[0]
		web.Priority = 100
		if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.want("lb-2")
	})
}

// TestReloadRestarts: a router whose VRID changes is given up and started anew;
// one that is gone is given up.
func TestReloadRestarts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := w.nodes[0]
		web := n.cfg.Routers[0]
		web.VRID = 53
		if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.want("lb-1", "lb-2") // two virtual routers now
		if err := n.agent.Reload(t.Context(), n.withRouters()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.want("lb-2")
	})
}

// aside is a Mover that has nothing to do with the host.
type aside struct{}

func (*aside) Acquire(context.Context, vip.Claim) error      { return nil }
func (*aside) Release(context.Context, vip.Claim) error      { return nil }
func (*aside) Held(context.Context, vip.Claim) (bool, error) { return true, nil }

// TestReloadMovers: what a mover has acquired it gives up, though the router has
// it no more.
func TestReloadMovers(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.want("lb-1")
		n := w.nodes[0]
		web := n.cfg.Routers[0]
		web.Movers = []agent.Mover{new(aside)}
		if err := n.agent.Reload(t.Context(), n.withRouters(web)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if held := w.holders(vip4); slices.Contains(held, "lb-1") {
			t.Errorf("the address is on %v", held)
		}
	})
}

// TestReloadBad: a bad configuration changes nothing.
func TestReloadBad(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		n := w.nodes[0]
		bad := n.cfg.Routers[0]
		bad.VRID = 0
		if err := n.agent.Reload(t.Context(), n.withRouters(bad)); err == nil {
			t.Error("Reload accepted VRID 0")
		}
		time.Sleep(time.Second)
		w.want("lb-1")
		if r := n.router(t); r.Transitions["Active"] != 1 {
			t.Errorf("transitions %v", r.Transitions)
		}
	})
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/transport/memnet"
	"github.com/vicar-ha/vicar/vip"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

var (
	_ agent.Transport = (*memnet.Conn)(nil)
	_ agent.Mover     = (*kernel)(nil)
	_ agent.Announcer = (*kernel)(nil)
	_ agent.Network   = (*kernel)(nil)
)

// kernel is a host's addresses and interface in memory. Its calls take as long
// as slow says.
type kernel struct {
	mu        sync.Mutex
	own       []netip.Prefix
	up        bool
	slow      time.Duration
	broken    error // what Acquire answers
	held      map[netip.Prefix]uint64
	announced int
	changed   func(vip.Change)
}

func newKernel(own ...netip.Prefix) *kernel {
	return &kernel{own: own, up: true, held: make(map[netip.Prefix]uint64)}
}

func (k *kernel) wait(ctx context.Context) error {
	k.mu.Lock()
	slow := k.slow
	k.mu.Unlock()
	if slow == 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(slow):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *kernel) Acquire(ctx context.Context, c vip.Claim) error {
	if err := k.wait(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken != nil {
		return k.broken
	}
	for _, p := range c.Addresses {
		k.held[p] = c.Term
	}
	return nil
}

func (k *kernel) Release(ctx context.Context, c vip.Claim) error {
	if err := k.wait(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range c.Addresses {
		delete(k.held, p)
	}
	return nil
}

func (k *kernel) Held(_ context.Context, c vip.Claim) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range c.Addresses {
		if _, ok := k.held[p]; !ok {
			return false, nil
		}
	}
	return true, nil
}

func (k *kernel) Announce(context.Context, vip.Claim) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.announced++
	return nil
}

func (k *kernel) Watch(ctx context.Context, changed func(vip.Change)) error {
	k.mu.Lock()
	k.changed = changed
	k.mu.Unlock()
	k.tell()
	<-ctx.Done()
	return ctx.Err()
}

// tell reports the interface as it is.
func (k *kernel) tell(lost ...netip.Addr) {
	k.mu.Lock()
	changed := k.changed
	c := vip.Change{Lost: lost, Interfaces: []vip.Interface{
		{Index: 2, Name: "eth0", Up: k.up, Addresses: slices.Clone(k.own)},
	}}
	k.mu.Unlock()
	if changed != nil {
		changed(c)
	}
}

func (k *kernel) setUp(up bool) {
	k.mu.Lock()
	k.up = up
	k.mu.Unlock()
	k.tell()
}

func (k *kernel) setBroken(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = err
}

// steal removes an address as somebody else would.
func (k *kernel) steal(p netip.Prefix) {
	k.mu.Lock()
	_, held := k.held[p]
	delete(k.held, p)
	k.mu.Unlock()
	if held {
		k.tell(p.Addr())
	}
}

func (k *kernel) holds(p netip.Prefix) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.held[p]
	return ok
}

// node is a host with an agent that may be running.
type node struct {
	name   string
	addr   netip.Addr
	kernel *kernel
	port   *memnet.Host
	cfg    agent.Config
	agent  *agent.Agent
	// Of stories about checks.
	health   *health
	listener *listener
	cancel   context.CancelFunc
	ended    chan error
}

// world is some nodes on one LAN.
type world struct {
	t     *testing.T
	lan   *memnet.LAN
	nodes []*node
}

var errBroken = errors.New("the kernel refuses")

func newWorld(t *testing.T, seed uint64, n int, router agent.Router) *world {
	t.Helper()
	w := &world{t: t, lan: memnet.New(seed)}
	for i := range n {
		w.nodes = append(w.nodes, w.newNode(i, router))
	}
	return w
}

// newNode makes node i with the address 192.0.2.(10+i) and the i-th highest priority.
func (w *world) newNode(i int, router agent.Router) *node {
	v4 := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)}), 24)
	v6 := netip.MustParsePrefix(fmt.Sprintf("fe80::%d/64", 10+i))
	k := newKernel(v4, v6)
	name := fmt.Sprintf("lb-%d", i+1)
	port := w.lan.Host(name, v4.Addr(), v6.Addr())
	router.Name, router.VRID, router.Interface = "web", 51, "eth0"
	router.Priority = []uint8{200, 150, 100, 50, 25}[i]
	router.Local = []netip.Addr{v4.Addr()}
	router.Movers, router.Announcer = []agent.Mover{k}, k
	if !router.Multicast {
		for j := range 5 {
			if j != i {
				peer := netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + j)})
				router.Peers = append(router.Peers, agent.Peer{Addresses: []netip.Addr{peer}, TTLMin: agent.TTLAuto})
			}
		}
	}
	return &node{
		name: name, addr: v4.Addr(), kernel: k, port: port,
		cfg: agent.Config{
			Node: name, Cluster: "test", Routers: []agent.Router{router},
			Open:    func(l agent.Link) (agent.Transport, error) { return port.OpenFamily(l.Family, l.Multicast), nil },
			Network: k, Log: slog.New(slog.NewTextHandler(w.t.Output(), nil)),
		},
	}
}

// start runs the node's agent.
func (n *node) start(t *testing.T) {
	t.Helper()
	a, err := agent.New(n.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.agent, n.cancel, n.ended = a, cancel, make(chan error, 1)
	go func() { n.ended <- a.Run(ctx) }()
}

// stop stops the node's agent in order and waits for it.
func (n *node) stop(t *testing.T) {
	t.Helper()
	if n.agent == nil {
		return
	}
	n.cancel()
	if err := <-n.ended; err != nil {
		t.Errorf("%s: Run: %v", n.name, err)
	}
	n.agent = nil
}

func (w *world) start() {
	for _, n := range w.nodes {
		n.start(w.t)
	}
}

func (w *world) stop() {
	for _, n := range w.nodes {
		n.stop(w.t)
	}
}

// holders lists the nodes that hold the address.
func (w *world) holders(p netip.Prefix) []string {
	names := make(map[string]bool)
	for _, n := range w.nodes {
		if n.kernel.holds(p) {
			names[n.name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func router(interval time.Duration, addrs ...string) agent.Router {
	r := agent.Router{Version: wire.V3, Interval: interval, Preempt: true, Multicast: true}
	for _, a := range addrs {
		r.Addresses = append(r.Addresses, netip.MustParsePrefix(a))
	}
	return r
}

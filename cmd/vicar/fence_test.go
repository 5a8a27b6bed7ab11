// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/vip"
)

// guardedBy is a configuration with a fence of that kind around the addresses.
func guardedBy(mode config.FenceMode, addresses ...string) *config.Config {
	return &config.Config{
		Guard:   config.Guard{Kind: config.GuardQuorum, Fence: mode},
		Routers: []config.Router{{Name: "web", Addresses: prefixes(addresses...)}},
	}
}

// open opens the fence that a configuration wants on the node.
func (n left) open(t *testing.T, c *config.Config) *fence {
	t.Helper()
	var f *fence
	labtest.OK(t, n.Do(func() (err error) {
		f, _, err = openFence(c, slog.New(slog.NewTextHandler(t.Output(), nil)))
		return err
	}))
	t.Cleanup(func() { labtest.OK(t, f.Close()) })
	return f
}

// reached tells whether a connection to the address is answered by a peer that
// knows the node's hardware address, be it that nobody listens.
func (n left) reached(t *testing.T) bool {
	t.Helper()
	var answered bool
	labtest.OK(t, n.peer.Do(func() error {
		d := net.Dialer{Timeout: 300 * time.Millisecond}
		c, err := d.DialContext(t.Context(), "tcp", netip.AddrPortFrom(n.vip.Addr(), 9).String())
		if err == nil {
			return c.Close()
		}
		timeout, _ := errors.AsType[net.Error](err)
		answered = timeout == nil || !timeout.Timeout()
		return nil
	}))
	return answered
}

// A fence for all packets follows one for ARP alone, and the reverse.
func TestFenceKindChanges(t *testing.T) {
	n := newLeft(t)
	n.learn(t)
	n.open(t, guardedBy(config.FenceARP, n.vip.String()))
	if !n.reached(t) {
		t.Error("a fence for ARP alone keeps packets out")
	}
	n.open(t, guardedBy(config.FenceRequired, n.vip.String()))
	if n.reached(t) {
		t.Error("a fence for all packets lets them in, as the one before it did")
	}
	n.open(t, guardedBy(config.FenceARP, n.vip.String()))
	if !n.reached(t) {
		t.Error("a fence for ARP alone keeps packets out, as the one before it did")
	}
}

// learn lets the hosts know each other's hardware address for good.
func (n left) learn(t *testing.T) {
	t.Helper()
	labtest.Need(t, "ip")
	for _, pair := range []struct {
		of, by *lab.Host
		addr   string
	}{{n.Host, n.peer, n.vip.Addr().String()}, {n.peer, n.Host, "192.0.2.20"}} {
		var mac net.HardwareAddr
		labtest.OK(t, pair.of.Do(func() error {
			iface, err := net.InterfaceByName(lab.Interface)
			if err == nil {
				mac = iface.HardwareAddr
			}
			return err
		}))
		n.run(t, pair.by, "ip", "neigh", "replace", pair.addr, "lladdr", mac.String(), "dev", lab.Interface, "nud", "permanent")
	}
}

// run runs a program on a host and returns what it said.
func (left) run(t *testing.T, h *lab.Host, args ...string) string {
	t.Helper()
	out, err := h.Run(t.Context(), args[0], args[1:]...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// telling is a network that tells what a test puts in.
type telling chan []vip.Interface

func (c telling) Watch(ctx context.Context, changed func(vip.Change)) error {
	for interfaces := range c {
		changed(vip.Change{Interfaces: interfaces})
	}
	return nil
}

// Before the agent can put an address on an interface the fence is there.
func TestFenceMeetsInterfaces(t *testing.T) {
	labtest.Need(t, "ip", "tc")
	n := newLeft(t)
	f := n.open(t, guardedBy(config.FenceRequired, n.vip.String()))
	n.run(t, n.Host, "ip", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
	network := make(telling, 1)
	network <- []vip.Interface{{Index: 1, Name: "lo"}, {Index: 7777, Name: "eth7"}}
	close(network)
	err := fenced{network, f}.Watch(t.Context(), func(vip.Change) {
		if got := n.run(t, n.Host, "tc", "filter", "show", "dev", "eth7", "ingress"); !strings.Contains(got, "vicar_fence") {
			t.Errorf("the agent knows an interface without a fence: %s", got)
		}
	})
	labtest.OK(t, err)
}

// Somebody takes the fence away.
func TestFenceIsLookedAt(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	labtest.Need(t, "tc")
	n := newLeft(t)
	f := n.open(t, guardedBy(config.FenceRequired, n.vip.String()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.run(ctx) }()
	defer func() { cancel(); <-done }()
	n.run(t, n.Host, "tc", "qdisc", "del", "dev", lab.Interface, "clsact")
	labtest.Eventually(t, 3*fenceCheck, "a fence", func() bool {
		return strings.Contains(n.run(t, n.Host, "tc", "filter", "show", "dev", lab.Interface, "ingress"), "vicar_fence")
	})
}

// stuck is a kernel that can't remove addresses.
type stuck struct{ named }

func (stuck) Release(context.Context, vip.Claim) error { return errors.New("no buffer space") }

// An address that went from the configuration stays fenced while it is on an
// interface, though the lease has ended.
func TestFenceOfWhatStays(t *testing.T) {
	n := newLeft(t)
	f := n.open(t, guardedBy(config.FenceRequired, n.vip.String(), "192.0.2.101/24"))
	e := newExecutor(stuck{})
	f.held = e.holds
	claim := vip.Claim{Router: "web", Interface: lab.Interface, Addresses: []netip.Prefix{n.vip}}
	labtest.OK(t, e.Acquire(t.Context(), claim))
	other := claim
	other.Addresses = prefixes("192.0.2.102/24")
	labtest.OK(t, e.Acquire(t.Context(), other)) // a reload; what it drops is still to be removed
	labtest.OK(t, f.reload(guardedBy(config.FenceRequired)))
	if err := e.Release(t.Context(), claim); err == nil {
		t.Fatal("it is released")
	}
	left, err := f.forget()
	labtest.OK(t, err)
	if !left || !slices.Equal(f.Addresses(), []netip.Addr{n.vip.Addr()}) {
		t.Errorf("fenced are %v, left: %v", f.Addresses(), left)
	}
	e.kernel = named("")
	labtest.OK(t, e.Release(t.Context(), claim))
	if left, err = f.forget(); err != nil || left || len(f.Addresses()) > 0 {
		t.Errorf("fenced are %v, left: %v, %v", f.Addresses(), left, err)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/vip"
)

// host is a network namespace without a name, and a thread that lives in it.
type host struct {
	t    testing.TB
	work chan func()
	ns   netns.NsHandle
	nl   *netlink.Handle
}

func newHost(t testing.TB) *host {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make a network namespace")
	}
	h := &host{t: t, work: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		ready <- unix.Unshare(unix.CLONE_NEWNET)
		for fn := range h.work {
			fn()
		}
	}()
	t.Cleanup(func() { close(h.work) })
	must(t, <-ready)
	h.do(func() error {
		var err error
		if h.ns, err = netns.Get(); err != nil {
			return err
		}
		h.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	t.Cleanup(func() { h.nl.Close(); _ = h.ns.Close() })
	h.up("lo")
	return h
}

// do runs fn on the host's thread.
func (h *host) do(fn func() error) {
	h.t.Helper()
	done := make(chan error)
	h.work <- func() { done <- fn() }
	must(h.t, <-done)
}

// newPair joins two hosts by their eth0.
func newPair(t testing.TB) (a, b *host) {
	t.Helper()
	a, b = newHost(t), newHost(t)
	a.veth("eth0", b, "eth0")
	return a, b
}

// veth makes a link to an interface of the peer and brings both ends up. a's
// address is 02:00:00:00:00:01.
func (h *host) veth(name string, peer *host, peerName string) {
	h.t.Helper()
	must(h.t, h.nl.LinkAdd(&netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: name, HardwareAddr: []byte{2, 0, 0, 0, 0, 1}},
		PeerName:      peerName,
		PeerNamespace: netlink.NsFd(peer.ns),
	}))
	peer.up(peerName)
	h.up(name)
}

func (h *host) link(name string) netlink.Link {
	h.t.Helper()
	l, err := h.nl.LinkByName(name)
	must(h.t, err)
	return l
}

func (h *host) up(name string)   { h.t.Helper(); must(h.t, h.nl.LinkSetUp(h.link(name))) }
func (h *host) down(name string) { h.t.Helper(); must(h.t, h.nl.LinkSetDown(h.link(name))) }

func (h *host) add(iface, prefix string) {
	h.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	must(h.t, err)
	a.Flags = unix.IFA_F_NODAD
	if a.IP.To4() != nil {
		a.Flags = 0
	}
	must(h.t, h.nl.AddrAdd(h.link(iface), a))
}

func (h *host) del(iface, prefix string) {
	h.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	must(h.t, err)
	must(h.t, h.nl.AddrDel(h.link(iface), a))
}

// global lists an interface's addresses but the link-local ones.
func (h *host) global(iface string) []netip.Prefix {
	h.t.Helper()
	list, err := h.nl.AddrList(h.link(iface), netlink.FAMILY_ALL)
	must(h.t, err)
	var ps []netip.Prefix
	for _, a := range list {
		if p := netip.MustParsePrefix(a.IPNet.String()); !p.Addr().IsLinkLocalUnicast() {
			ps = append(ps, p)
		}
	}
	return ps
}

// tags reads each address's IFA_PROTO with a parser that is not ours.
func (h *host) tags() map[netip.Addr]byte {
	h.t.Helper()
	tags := map[netip.Addr]byte{}
	h.do(func() error {
		req := nl.NewNetlinkRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfAddrmsg(unix.AF_UNSPEC))
		list, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWADDR)
		for _, m := range list {
			attrs, err := nl.ParseRouteAttrAsMap(m[unix.SizeofIfAddrmsg:])
			if err != nil {
				return err
			}
			addr, _ := netip.AddrFromSlice(attrs[unix.IFA_ADDRESS].Value)
			tags[addr] = 0
			if p, ok := attrs[ifaProto]; ok {
				tags[addr] = p.Value[0]
			}
		}
		return err
	})
	return tags
}

// sysctl writes a setting below /proc/sys/net.
func (h *host) sysctl(name, value string) {
	h.t.Helper()
	h.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644) })
}

// kernel makes a Kernel on the host.
func (h *host) kernel(cfg Config) *Kernel {
	h.t.Helper()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(h.t.Output(), nil))
	}
	var k *Kernel
	h.do(func() (err error) { k, err = New(cfg); return err })
	h.t.Cleanup(func() { must(h.t, k.Close()) })
	return k
}

// web is a claim of a router called web on eth0.
func web(prefixes ...string) vip.Claim {
	c := vip.Claim{Router: "web", Term: 1, Interface: "eth0"}
	for _, p := range prefixes {
		c.Addresses = append(c.Addresses, netip.MustParsePrefix(p))
	}
	return c
}

func prefixes(list ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, p := range list {
		ps = append(ps, netip.MustParsePrefix(p))
	}
	return ps
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// equal compares sets.
func equal(t testing.TB, what string, got, want []netip.Prefix) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.SortFunc(got, netip.Prefix.Compare)
	slices.SortFunc(want, netip.Prefix.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	timeout := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s: did not happen", what)
		}
	}
}

// setSmallBuffer makes a socket overflow after a few messages.
func setSmallBuffer(t testing.TB, fd int) {
	t.Helper()
	must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 2048))
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// ip runs the ip command on the node with the words of a line.
func (f *field) ip(line string) {
	f.t.Helper()
	labtest.Need(f.t, "ip")
	f.run(f.node, "ip", strings.Fields(line)...)
}

func TestInterface(t *testing.T) {
	f := newField(t)
	f.ip("link add v0 type veth peer name v1")
	f.ip("addr add 198.51.100.1 peer 198.51.100.2 dev eth0")
	f.table([]outcome{
		{name: "up", kind: checks.Interface{Name: "eth0"}},
		{name: "loopback", kind: checks.Interface{Name: "lo"}},
		{name: "none", kind: checks.Interface{Name: "eth9"}, want: "interface eth9 does not exist", is: errNoInterface},
		{name: "no name of an interface", kind: checks.Interface{Name: "anamethatistoolong"}, want: "does not exist", is: errNoInterface},
		{name: "down", kind: checks.Interface{Name: "v0"}, want: "interface v0 is down", is: errDown},
		{name: "address", kind: checks.Interface{Name: "eth0", Address: addr(node4b)}},
		{name: "address of IPv6", kind: checks.Interface{Name: "eth0", Address: addr(node6b)}},
		{name: "mapped address", kind: checks.Interface{Name: "eth0", Address: addr("::ffff:" + node4)}},
		{name: "own end of two", kind: checks.Interface{Name: "eth0", Address: addr("198.51.100.1")}},
		{name: "other end of two", kind: checks.Interface{Name: "eth0", Address: addr("198.51.100.2")}, want: "does not have"},
		{name: "no such address", kind: checks.Interface{Name: "eth0", Address: addr(server4)}, want: "interface eth0 does not have " + server4},
		{name: "no such address of IPv6", kind: checks.Interface{Name: "eth0", Address: addr(server6)}, want: "does not have " + server6},
		{name: "address of another interface", kind: checks.Interface{Name: "lo", Address: addr(node4)}, want: "interface lo does not have " + node4},
		{name: "speed", kind: checks.Interface{Name: "eth0", Speed: 10000}},
		{name: "low speed", kind: checks.Interface{Name: "eth0", Speed: 10001}, want: "interface eth0 runs at 10000 Mbit/s, less than 10001"},
		{name: "unknown speed", kind: checks.Interface{Name: "lo", Speed: 1}, want: "interface lo does not tell its speed"},
	})
	f.ip("link set v0 up")
	want(t, f.look(f.make(checks.Interface{Name: "v0"}), plenty), "interface v0 has no carrier")
}

func TestInterfaceRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.Interface
		want string
	}{
		{checks.Interface{}, "without a name"},
		{checks.Interface{Name: "eth0", Speed: -1}, "speed -1 Mbit/s: want 0 or more"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newProbe(t, checks.Interface{Name: "lo"}).Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestInterfaceWakes(t *testing.T) {
	f := newField(t)
	w := watchOn(t, f.node, checks.Interface{Name: "v0"})
	w.until("first", "does not exist")
	for _, s := range []struct{ what, want string }{
		{"link add v0 type veth peer name v1", "is down"},
		{"link set v0 up", "has no carrier"},
		{"link set v1 up", ""},
		{"link set v1 down", "has no carrier"},
		{"link set v1 up", ""},
		{"link set v0 down", "is down"},
		{"link set v0 up", ""},
		{"link set v0 down", "is down"},
		{"link set v0 name w0", "does not exist"},
		{"link set w0 name v0", "is down"},
		{"link set v0 up", ""},
		{"link del v0", "does not exist"},
		{"link add v0 up type veth peer name v1", "has no carrier"},
		{"link set v1 up", ""},
	} {
		f.ip(s.what)
		w.until(s.what, s.want)
	}
	// One that was there before.
	w = watchOn(t, f.node, checks.Interface{Name: "v0"})
	w.until("first", "")
	f.ip("link set v0 down")
	w.until("down", "is down")
	f.ip("link set v0 name w0")
	w.until("renamed", "does not exist")
}

func TestInterfaceWakesForAddress(t *testing.T) {
	for _, c := range []struct{ address, prefix string }{{"192.0.2.77", "/24"}, {"2001:db8::77", "/64"}} {
		t.Run(c.address, func(t *testing.T) {
			f := newField(t)
			p := netip.MustParsePrefix(c.address + c.prefix)
			w := watchOn(t, f.node, checks.Interface{Name: "eth0", Address: p.Addr()})
			w.until("first", "does not have "+c.address)
			for range 3 {
				labtest.OK(t, f.node.AddAddress(p))
				w.until("added", "")
				labtest.OK(t, f.node.DelAddress(p))
				w.until("removed", "does not have")
			}
			f.ip("link set eth0 down")
			w.until("down", "is down")
		})
	}
}

// An address that another host has too is not the interface's (RFC 4862
// section 5.4).
func TestInterfaceDuplicateAddress(t *testing.T) {
	f := newField(t)
	f.sysctl(f.node, "net/ipv6/conf/eth0/accept_dad", "1")
	f.sysctl(f.node, "net/ipv6/conf/eth0/dad_transmits", "1")
	w := watchOn(t, f.node, checks.Interface{Name: "eth0", Address: addr(server6)})
	w.until("first", "does not have")
	f.ip("addr add " + server6 + "/64 dev eth0")
	w.until("duplicate", "has "+server6+", but another host has it too")
}

func TestInterfaceWakeEnds(t *testing.T) {
	p := newProbe(t, checks.Interface{Name: "lo"}).(checks.Waker)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	if err := p.Wake(ctx, cancel); err != nil {
		t.Errorf("got %v", err)
	}
	if err := p.Wake(ctx, func() { t.Error("looks though it has ended") }); err != nil {
		t.Errorf("got %v", err)
	}
	goroutines(t, before)
}

// netlinkMessage is a message of the kernel's: a body and attributes.
func netlinkMessage(kind uint16, body []byte, attrs ...[]byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint16(b[4:], kind)
	b = append(b, body...)
	for _, a := range attrs {
		b = append(b, a...)
		b = append(b, make([]byte, aligned(len(b))-len(b))...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	return b
}

func attribute(kind uint16, value []byte) []byte {
	b := make([]byte, unix.SizeofRtAttr)
	binary.NativeEndian.PutUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	binary.NativeEndian.PutUint16(b[2:], kind)
	return append(b, value...)
}

// linkMessage says that an interface has a name.
func linkMessage(index uint32, name string) []byte {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], index)
	return netlinkMessage(unix.RTM_NEWLINK, body, attribute(unix.IFLA_MTU, make([]byte, 4)), attribute(unix.IFLA_IFNAME, []byte(name+"\x00")))
}

// addressMessage says that an interface has an address.
func addressMessage(index uint32, a string) []byte {
	body := make([]byte, unix.SizeofIfAddrmsg)
	binary.NativeEndian.PutUint32(body[4:], index)
	return netlinkMessage(unix.RTM_NEWADDR, body, attribute(unix.IFA_ADDRESS, addr(a).AsSlice()), attribute(unix.IFA_FLAGS, []byte{0x80, 0, 0, 0}))
}

func TestLinkWatchConcerns(t *testing.T) {
	w := linkWatch{name: "eth0", address: addr(node4), index: 2}
	for _, c := range []struct {
		name    string
		message []byte
		want    bool
	}{
		{"the interface", linkMessage(2, "eth0"), true},
		{"another", linkMessage(3, "eth1"), false},
		{"renamed", linkMessage(2, "eth1"), true},
		{"another has the name now", linkMessage(4, "eth0"), true},
		{"the one that had it", linkMessage(2, "eth1"), false},
		{"renamed again", linkMessage(4, "eth2"), true},
		{"the address", addressMessage(9, node4), true},
		{"another address", addressMessage(4, server4), false},
		{"the second of two", append(addressMessage(4, server4), linkMessage(4, "eth0")...), true},
		{"without a name", netlinkMessage(unix.RTM_NEWLINK, make([]byte, unix.SizeofIfInfomsg)), false},
		{"too short", netlinkMessage(unix.RTM_NEWADDR, make([]byte, 3)), false},
		{"of another kind", netlinkMessage(unix.RTM_NEWROUTE, linkMessage(4, "eth0")[unix.NLMSG_HDRLEN:]), false},
	} {
		if got := w.concerns(c.message); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzRtnetlink(f *testing.F) {
	f.Add(linkMessage(2, "eth0"))
	f.Add(append(addressMessage(2, node4), addressMessage(2, node6)...))
	f.Add(linkMessage(2, "eth0")[:40])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 16, 0})
	f.Fuzz(func(_ *testing.T, b []byte) {
		w := linkWatch{name: "eth0", address: addr(node4)}
		w.concerns(b)
		_, _ = parseAddress(b)
		_, _, _ = parseLink(b)
	})
}

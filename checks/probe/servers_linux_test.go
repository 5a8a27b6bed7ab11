// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// The addresses of a field. Those of the node come in pairs.
const (
	node4, node4b = "192.0.2.1", "192.0.2.2"
	node6, node6b = "2001:db8::1", "2001:db8::2"
	server4       = "192.0.2.10"
	server6       = "2001:db8::10"
	serverLocal   = "fe80::ff:fe00:2" // by its MAC address
)

// Times that a look has: enough for one that comes to an end, and enough for one
// that must not.
const (
	plenty = 10 * time.Second
	short  = 150 * time.Millisecond
)

// field is a node that looks and a server that is looked at.
type field struct {
	t            *testing.T
	node, server *lab.Host
}

func newField(t *testing.T) *field {
	t.Helper()
	l := labtest.New(t)
	return &field{
		t:      t,
		node:   labtest.Host(t, l, "node", node4+"/24", node4b+"/24", node6+"/64", node6b+"/64"),
		server: labtest.Host(t, l, "server", server4+"/24", server6+"/64"),
	}
}

// look looks once from the node. A probe whose target is a literal address opens
// its sockets on the thread that it is called on, in the node's namespace.
func (f *field) look(p checks.Probe, timeout time.Duration) error {
	f.t.Helper()
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	_ = f.node.Do(func() error {
		err = p.Probe(ctx)
		return nil
	})
	return err
}

// make makes a probe that is closed with the test.
func (f *field) make(k checks.Kind) checks.Probe {
	f.t.Helper()
	p, err := New(k)
	labtest.OK(f.t, err)
	f.t.Cleanup(func() { labtest.OK(f.t, p.Close()) })
	return p
}

// run runs a program on a host.
func (f *field) run(h *lab.Host, name string, args ...string) string {
	f.t.Helper()
	out, err := h.Run(f.t.Context(), name, args...)
	if err != nil {
		f.t.Fatalf("%v: %s", err, out)
	}
	return strings.TrimSpace(out)
}

// nft adds a rule to a chain of a host: input or output.
func (f *field) nft(h *lab.Host, chain, rule string) {
	f.t.Helper()
	labtest.Need(f.t, "nft")
	f.run(h, "nft", fmt.Sprintf(
		"add table inet t; add chain inet t %[1]s { type filter hook %[1]s priority 0; }; add rule inet t %[1]s %[2]s", chain, rule))
}

// swallow makes the server drop what matches.
func (f *field) swallow(rule string) { f.t.Helper(); f.nft(f.server, "input", rule+" drop") }

// sysctl sets a sysctl of a host's namespace, or skips the test where that is
// not allowed: in a container, or to a user with one group.
func (f *field) sysctl(h *lab.Host, name, value string) {
	f.t.Helper()
	err := h.Do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0o644) })
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EINVAL) {
		f.t.Skipf("needs to set %s to %s: %v", name, value, err)
	}
	labtest.OK(f.t, err)
}

// seen is where a server's visitors have come from.
type seen struct {
	mu    sync.Mutex
	addrs []netip.AddrPort
}

func (s *seen) add(a net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addrs = append(s.addrs, netip.MustParseAddrPort(a.String()))
}

// count is how many they are.
func (s *seen) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.addrs)
}

// latest is where the last visitor has come from.
func (s *seen) latest() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.addrs) == 0 {
		return netip.AddrPort{}
	}
	return s.addrs[len(s.addrs)-1]
}

// last is the last visitor's address.
func (s *seen) last() netip.Addr { return s.latest().Addr().Unmap() }

// listen serves TCP connections on the server, on any port of both families,
// each in a goroutine; serve's end closes one. It returns the port.
func (f *field) listen(serve func(net.Conn)) (port string, visitors *seen) {
	f.t.Helper()
	var l net.Listener
	labtest.OK(f.t, f.server.Do(func() (err error) {
		l, err = net.Listen("tcp", ":0")
		return err
	}))
	visitors = &seen{}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			visitors.add(c.RemoteAddr())
			all.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(ctx, func() { c.Close() })
				defer stop()
				serve(c)
			})
		}
	})
	f.t.Cleanup(func() {
		cancel()
		l.Close()
		all.Wait()
	})
	_, port, err := net.SplitHostPort(l.Addr().String())
	labtest.OK(f.t, err)
	return port, visitors
}

// receive serves datagrams on the server, on any port of both families.
func (f *field) receive(serve func(c net.PacketConn, b []byte, from net.Addr)) (port string, visitors *seen) {
	f.t.Helper()
	var c net.PacketConn
	labtest.OK(f.t, f.server.Do(func() (err error) {
		c, err = net.ListenPacket("udp", ":0")
		return err
	}))
	visitors = &seen{}
	var done sync.WaitGroup
	done.Go(func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			visitors.add(from)
			serve(c, b[:n], from)
		}
	})
	f.t.Cleanup(func() {
		c.Close()
		done.Wait()
	})
	_, port, err := net.SplitHostPort(c.LocalAddr().String())
	labtest.OK(f.t, err)
	return port, visitors
}

// free is a port of the server that nobody listens on.
func (f *field) free() string {
	f.t.Helper()
	var port string
	labtest.OK(f.t, f.server.Do(func() error {
		l, err := net.Listen("tcp", ":0")
		if err != nil {
			return err
		}
		defer l.Close()
		_, port, err = net.SplitHostPort(l.Addr().String())
		return err
	}))
	return port
}

// hush is a server that says nothing until the client or the test ends.
func hush(c net.Conn) {
	b := make([]byte, 512)
	for {
		if _, err := c.Read(b); err != nil {
			return
		}
	}
}

// say is a server that says this at once, then nothing.
func say(s string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = c.Write([]byte(s))
		hush(c)
	}
}

// outcome is a look and what comes of it.
type outcome struct {
	name    string
	kind    checks.Kind
	timeout time.Duration // 0: plenty
	want    string        // in the error; empty: none
	is      error         // in the error's chain; nil: nothing
}

// table looks at everything.
func (f *field) table(rows []outcome) {
	f.t.Helper()
	for _, row := range rows {
		f.t.Run(row.name, func(t *testing.T) {
			if row.timeout == 0 {
				row.timeout = plenty
			}
			g := &field{t: t, node: f.node, server: f.server}
			err := g.look(g.make(row.kind), row.timeout)
			want(t, err, row.want)
			if row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("%q is not %q", err, row.is)
			}
		})
	}
}

// binding is a place to leave from and what the server sees of it.
type binding struct {
	name string
	bind checks.Bind
	v6   bool
	from string // that the server sees; empty: any
	want string
	is   error
}

// bindings are looks of a kind that leave from where they are told to. target
// makes the kind; visitors tells what the server has seen.
func (f *field) bindings(kind func(b checks.Bind, host string) checks.Kind, visitors *seen) {
	f.t.Helper()
	rows := []binding{
		{name: "source IPv4", bind: checks.Bind{Source: netip.MustParseAddr(node4b)}, from: node4b},
		{name: "other source IPv4", bind: checks.Bind{Source: netip.MustParseAddr(node4)}, from: node4},
		{name: "source IPv6", bind: checks.Bind{Source: netip.MustParseAddr(node6b)}, v6: true, from: node6b},
		{name: "other source IPv6", bind: checks.Bind{Source: netip.MustParseAddr(node6)}, v6: true, from: node6},
		{
			name: "source of another host", bind: checks.Bind{Source: netip.MustParseAddr(server4)},
			want: "binding to source " + server4 + ": cannot assign", is: syscall.EADDRNOTAVAIL,
		},
		{name: "interface", bind: checks.Bind{Interface: lab.Interface}},
		{name: "interface IPv6", bind: checks.Bind{Interface: lab.Interface}, v6: true},
		{name: "interface without a route", bind: checks.Bind{Interface: "lo"}, v6: true, want: "unreachable", is: syscall.ENETUNREACH},
		{
			name: "interface that is not there", bind: checks.Bind{Interface: "eth9"},
			want: "binding to interface eth9: no such device", is: syscall.ENODEV,
		},
	}
	for _, row := range rows {
		f.t.Run(row.name, func(t *testing.T) {
			g := &field{t: t, node: f.node, server: f.server}
			host := server4
			if row.v6 {
				host = server6
			}
			err := g.look(g.make(kind(row.bind, host)), plenty)
			want(t, err, row.want)
			if row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("%q is not %q", err, row.is)
			}
			if row.from == "" {
				return
			}
			labtest.Eventually(t, plenty, "the server sees "+row.from, func() bool { return visitors.last() == netip.MustParseAddr(row.from) })
		})
	}
	f.t.Run("mark", func(t *testing.T) {
		g := &field{t: t, node: f.node, server: f.server}
		// What is not marked so doesn't leave.
		g.nft(g.node, "output", "meta mark != 0x2a ip daddr "+server4+" drop")
		defer g.run(g.node, "nft", "flush", "ruleset")
		if err := g.look(g.make(kind(checks.Bind{}, server4)), short); err == nil {
			t.Error("got success without the mark, want an error")
		}
		want(t, g.look(g.make(kind(checks.Bind{Mark: 0x2a}, server4)), plenty), "")
	})
}

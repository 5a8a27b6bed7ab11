// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/vicar-ha/vicar/lab"
)

// patience is how long a connection may take until the server's name has come.
const patience = 2 * time.Second

// Client connects to the service.
type Client struct{ *lab.Host }

// Load is many connections, each closed when the server has told its name.
type Load struct {
	Target      netip.AddrPort
	UDP         bool // a datagram from a new port instead
	Connections int
	Sources     int // addresses that connections come from in turn; 1 if it is 0, 254 at most
	Parallel    int // 1 if it is 0
}

// Tally is who served.
type Tally struct {
	Servers map[string]int
	Sources map[netip.Addr]map[string]int // the same by the client's address
	Failed  int
	Errors  map[string]int // texts of errors
}

// source is the nth address of the client's.
func source(n int) netip.Addr {
	a := Sources.Addr().As4()
	a[3] = byte(1 + n%254)
	return netip.AddrFrom4(a)
}

// Connect makes the connections and waits for their end.
func (c *Client) Connect(ctx context.Context, l Load) (Tally, error) {
	t := Tally{Servers: make(map[string]int), Sources: make(map[netip.Addr]map[string]int), Errors: make(map[string]int)}
	var mu sync.Mutex
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range max(l.Parallel, 1) {
		group.Go(func() error {
			return c.Do(func() error {
				for ctx.Err() == nil {
					n := int(next.Add(1)) - 1
					if n >= l.Connections {
						return nil
					}
					from := source(n % max(l.Sources, 1))
					name, err := ask(ctx, l.UDP, from, l.Target)
					mu.Lock()
					t.add(from, name, err)
					mu.Unlock()
				}
				return ctx.Err()
			})
		})
	}
	if err := group.Wait(); err != nil {
		return t, fmt.Errorf("connecting to %s: %w", l.Target, err)
	}
	return t, nil
}

func (t *Tally) add(from netip.Addr, name string, err error) {
	if err != nil {
		t.Failed++
		t.Errors[plain(err)]++
		return
	}
	t.Servers[name]++
	if t.Sources[from] == nil {
		t.Sources[from] = make(map[string]int)
	}
	t.Sources[from][name]++
}

// plain is an error's text without the addresses, which differ.
func plain(err error) string {
	text := err.Error()
	return text[strings.LastIndex(text, ": ")+1:]
}

// dial connects from an address. It is called in the client's namespace, and the
// thread that calls makes the socket.
func dial(ctx context.Context, udp bool, from netip.Addr, target netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	network := "tcp4"
	if udp {
		network, d.LocalAddr = "udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	return d.DialContext(ctx, network, target.String())
}

// ask asks a new connection for the server's name, and resets it, so that it leaves
// nothing to wait for.
func ask(ctx context.Context, udp bool, from netip.Addr, target netip.AddrPort) (string, error) {
	c, err := dial(ctx, udp, from, target)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte("?\n")); err != nil {
		return "", err
	}
	var buffer [64]byte
	n, err := c.Read(buffer[:])
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(buffer[:n]), "\n"), nil
}

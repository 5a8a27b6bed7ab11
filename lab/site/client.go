// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package site

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// patience is how long a connection may take until the server's name has come. A
// packet of its beginning that a busy host loses is sent again after 1, 3 and 7 s.
const patience = 10 * time.Second

// Client connects to the service.
type Client struct{ *lab.Host }

// Load is many connections, each closed when the server has told its name.
type Load struct {
	Target netip.AddrPort
	// Greeted: the servers' port is GreetPort. UDP: a datagram from a new port instead.
	Greeted, UDP bool
	Connections  int
	Sources      int // addresses that connections come from in turn; 1 if it is 0, 254 at most
	Parallel     int // 1 if it is 0
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
	if err := c.Do(func() error { return (&crowd{load: l, tally: &t}).run(ctx) }); err != nil {
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
func dial(ctx context.Context, from netip.Addr, target netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: patience, KeepAlive: -1, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp4", target.String())
}

// ask asks a new connection for the server's name, and resets it, so that it leaves
// nothing to wait for.
func ask(ctx context.Context, from netip.Addr, target netip.AddrPort) (string, error) {
	c, err := dial(ctx, from, target)
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

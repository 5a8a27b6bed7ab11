// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// The pool's server, in a subnet of the director's own.
var (
	inside = netip.MustParsePrefix("198.51.100.10/24")
	server = netip.MustParsePrefix("198.51.100.60/24")
	pooled = netip.AddrPortFrom(moving.Addr(), 80)
)

// TestPool: what the kernel forwards for a router is under the guard, too. While the lease is
// held clients are served by the pool; when it has ended and the agent can't take
// the pool away, the fence keeps packets of old and new connections from it.
func TestPool(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*shape)
		served bool
	}{
		{"fence", func(*shape) {}, false},
		{"no fence", fenceOff, true}, // so that it is the fence
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, witness.with(test.change))
			w.conf.Pools = map[string]vicar.Block{web: {
				"listen": pooled.String(), "plane": "nftables", "with": web, "servers": []string{"198.51.100.60:8080"},
			}}
			w.serve()
			w.start()
			old := w.dial()
			if old == nil {
				t.Fatal("the pool serves nobody")
			}
			defer old.Close()
			if !echoes(old) {
				t.Fatal("a connection gets no answer")
			}
			director := w.holder()
			ip(t, w.client, "neigh", "replace", moving.Addr().String(), "lladdr", director.MAC.String(), "dev", "eth0", "nud", "permanent")
			labtest.OK(t, director.process.SignalFamily(syscall.SIGSTOP))
			defer func() { _ = director.process.SignalFamily(syscall.SIGCONT) }()
			w.another(first.name)
			if has, err := director.Has(moving.Addr()); err != nil || !has {
				t.Fatalf("the frozen director has the address: %t, %v", has, err)
			}
			if got := echoes(old); got != test.served {
				t.Errorf("an old connection is served: %t, want %t", got, test.served)
			}
			fresh := w.dial()
			if (fresh != nil) != test.served {
				t.Errorf("a new connection is served: %t, want %t", fresh != nil, test.served)
			}
			if fresh != nil {
				fresh.Close()
			}
		})
	}
}

// serve makes the first node a director with a server behind it, which echoes.
func (w *world) serve() {
	t := w.t
	t.Helper()
	labtest.OK(t, w.holder().AddAddress(inside))
	labtest.OK(t, w.holder().Forward())
	host := labtest.Host(t, w.lab, "server", server.String())
	labtest.OK(t, host.Route(moving.Masked(), inside.Addr(), netip.Addr{}))
	var l net.Listener
	labtest.OK(t, host.Do(func() (err error) {
		l, err = new(net.ListenConfig).Listen(t.Context(), "tcp", netip.AddrPortFrom(server.Addr(), 8080).String())
		return err
	}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-ended })
}

// answerTime is long for an answer on a LAN, and short beside a scenario.
const answerTime = 2 * time.Second

// dial is a connection of the client to the pool, or nil.
func (w *world) dial() (c net.Conn) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), answerTime)
	defer cancel()
	_ = w.client.Do(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "tcp", pooled.String())
		return err
	})
	return c
}

// echoes tells whether the connection's server answers.
func echoes(c net.Conn) bool {
	buf := make([]byte, 1)
	_ = c.SetDeadline(time.Now().Add(answerTime))
	if _, err := c.Write(buf); err != nil {
		return false
	}
	_, err := io.ReadFull(c, buf)
	return err == nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

func TestTenure(t *testing.T) {
	now := time.Now()
	for range 100 {
		n := newTenure()
		if n.over() || n.until.After(now.Add(keptAge+time.Minute)) || n.until.Before(now.Add(keptAge/2)) {
			t.Fatalf("a connection is kept until %v from now", n.until.Sub(now))
		}
	}
	old, used := newTenure(), newTenure()
	old.until, used.looks = time.Now(), keptLooks
	if !old.over() || !used.over() {
		t.Errorf("over: old %v, used %v", old.over(), used.over())
	}
}

// A server that serves its connections and takes no new one fails when another
// connection is due.
func TestHTTPServerThatIsClosed(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		p := newProbe(t, k).(*httpProbe)
		want(t, lookFor(p, plenty), "")
		labtest.OK(t, s.Listener.Close())
		want(t, lookFor(p, plenty), "")
		p.tenure.until = time.Now()
		want(t, lookFor(p, plenty), "connection refused")
	})
}

func TestHTTPKeepsForSomeLooks(t *testing.T) {
	eachVersion(t, func(t *testing.T, s *local, k checks.HTTP) {
		p := newProbe(t, k).(*httpProbe)
		for range 2*keptLooks + 1 {
			want(t, lookFor(p, plenty), "")
			p.tenure.until = time.Now().Add(time.Hour)
		}
		if n := s.connections.Load(); n != 3 {
			t.Errorf("%d looks made %d connections, want 3", 2*keptLooks+1, n)
		}
	})
}

func TestGRPCKeptForSomeLooks(t *testing.T) {
	for _, c := range []struct {
		fresh bool
		want  int
	}{{false, 2}, {true, keptLooks + 1}} {
		t.Run(fmt.Sprint("fresh=", c.fresh), func(t *testing.T) {
			s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), nil, true)
			p := newProbe(t, checks.GRPC{Address: s.conns.Addr().String(), Fresh: c.fresh}).(*grpcProbe)
			for range keptLooks + 1 {
				want(t, lookFor(p, plenty), "")
				p.tenure.until = time.Now().Add(time.Hour)
			}
			if n := s.conns.count(); n != c.want {
				t.Errorf("got %d connections, want %d", n, c.want)
			}
		})
	}
}

func TestGRPCServerThatIsClosed(t *testing.T) {
	s := serveHealth(t, listenOn(t, nil, "127.0.0.1:0"), nil, true)
	p := newProbe(t, checks.GRPC{Address: s.conns.Addr().String()}).(*grpcProbe)
	want(t, lookFor(p, plenty), "")
	labtest.OK(t, s.conns.Close())
	want(t, lookFor(p, plenty), "")
	p.tenure.until = time.Now()
	want(t, lookFor(p, plenty), "connection refused")
}

// A server that has waited for long enough may say so when the question is on
// its way; one that says so to the first question fails.
func TestHTTPLate408(t *testing.T) {
	const late, good = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n"
	f := newField(t)
	var always atomic.Bool
	port, visitors := f.listen(func(c net.Conn) {
		say, b := good, make([]byte, 4096)
		if always.Load() {
			say = late
		}
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			_, _ = c.Write([]byte(say))
			say = late
		}
	})
	p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)})
	for range 3 {
		want(t, f.look(p, plenty), "")
	}
	if n := visitors.count(); n != 3 {
		t.Errorf("got %d connections, want 3", n)
	}
	always.Store(true)
	want(t, f.look(p, plenty), "status 408")
}

// What a server says between looks is not the answer to the next question.
func TestHTTPSaysTooMuch(t *testing.T) {
	f := newField(t)
	port, visitors := f.listen(answer("HTTP/1.1 204 No\r\n\r\nHTTP/1.1 500 Stale\r\nContent-Length: 0\r\n\r\n"))
	p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)})
	for range 5 {
		want(t, f.look(p, plenty), "")
	}
	if n := visitors.count(); n != 5 {
		t.Errorf("got %d connections, want 5", n)
	}
}

// A server that has forgotten a connection without a word, as by a power cut, is
// well when it takes a new one.
func TestHTTPForgottenConnection(t *testing.T) {
	f := newField(t)
	port, visitors := f.listen(answer("HTTP/1.1 204 No\r\n\r\n"))
	p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)}).(*httpProbe)
	want(t, f.look(p, plenty), "")
	f.swallow(fmt.Sprint("tcp sport ", visitors.latest().Port()))
	want(t, f.look(p, 4*time.Second), "")
	if n := visitors.count(); n != 2 {
		t.Errorf("got %d connections, want 2", n)
	}
}

// A slow server is not asked twice.
func TestHTTPSlowServerIsAskedOnce(t *testing.T) {
	f := newField(t)
	var asked atomic.Int64
	port, visitors := f.listen(func(c net.Conn) {
		b := make([]byte, 4096)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if asked.Add(1) > 1 {
				continue
			}
			_, _ = c.Write([]byte("HTTP/1.1 204 No\r\n\r\n"))
		}
	})
	p := f.make(checks.HTTP{URL: "http://" + net.JoinHostPort(server4, port)})
	want(t, f.look(p, plenty), "")
	if err := f.look(p, time.Second); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a time-out", err)
	}
	if a, n := asked.Load(), visitors.count(); a != 2 || n != 1 {
		t.Errorf("asked %d times on %d connections, want 2 on 1", a, n)
	}
}

// A probe that lacks something of the host fails until it is there.
func TestTolerant(t *testing.T) {
	a := newAuthority(t)
	moved := filepath.Join(a.dir, "moved.pem")
	labtest.OK(t, os.Rename(a.file, moved))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	labtest.OK(t, err)
	address := l.Addr().String()
	labtest.OK(t, l.Close())
	k := checks.Handshake{Address: address, TLS: checks.TLS{CA: a.file}}
	if _, err := NewMaker().New(k); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("New: got %v", err)
	}
	p, err := NewMaker().Tolerant(k)
	labtest.OK(t, err)
	for range 2 {
		want(t, lookFor(p, plenty), "making a check of kind tls: reading the CA certificates: open "+a.file)
	}
	labtest.OK(t, os.Rename(moved, a.file))
	if err := lookFor(p, plenty); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want %v", err, syscall.ECONNREFUSED)
	}
	labtest.OK(t, p.Close())
	if p, err := NewMaker().Tolerant(nil); err == nil || p != nil {
		t.Errorf("no kind: got %v, %v", p, err)
	}
}

// A probe that was made late wakes its check from then on.
func TestTolerantWakes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flag")
	ready := false
	p := &pending{made: make(chan struct{}), create: func() (checks.Probe, error) {
		if !ready {
			return nil, os.ErrNotExist
		}
		return New(checks.File{Path: file})
	}}
	ctx, cancel := context.WithCancel(t.Context())
	looks, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() { ended <- p.Wake(ctx, func() { looks <- struct{}{} }) }()
	want(t, lookFor(p, plenty), "not exist")
	ready = true
	want(t, lookFor(p, plenty), file)
	<-looks
	cancel()
	labtest.OK(t, <-ended)
	labtest.OK(t, p.Close())
}

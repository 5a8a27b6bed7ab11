// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// parrot is a server that says what it hears, after a greeting.
func parrot(c net.Conn) {
	b := make([]byte, 512)
	_, _ = c.Write([]byte("hello\r\n"))
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		_, _ = c.Write(b[:n])
	}
}

func TestTCP(t *testing.T) {
	f := newField(t)
	quiet, visitors := f.listen(hush)
	talker, _ := f.listen(parrot)
	rude, _ := f.listen(func(net.Conn) {})
	endless, _ := f.listen(func(c net.Conn) {
		for {
			if _, err := c.Write([]byte(strings.Repeat("x", 4096))); err != nil {
				return
			}
		}
	})
	lost, _ := f.listen(hush)
	f.swallow("tcp dport " + lost)
	closed := f.free()

	at4 := func(port string) string { return net.JoinHostPort(server4, port) }
	at6 := func(port string) string { return net.JoinHostPort(server6, port) }
	f.table([]outcome{
		{name: "passing IPv4", kind: checks.TCP{Address: at4(quiet)}},
		{name: "passing IPv6", kind: checks.TCP{Address: at6(quiet)}},
		{name: "refused IPv4", kind: checks.TCP{Address: at4(closed)}, want: "connecting to " + at4(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "refused IPv6", kind: checks.TCP{Address: at6(closed)}, want: "connecting to " + at6(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "blackholed IPv4", kind: checks.TCP{Address: at4(lost)}, timeout: short, want: "connecting to " + at4(lost) + ": no answer in time", is: context.DeadlineExceeded},
		{name: "blackholed IPv6", kind: checks.TCP{Address: at6(lost)}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
		{name: "no route", kind: checks.TCP{Address: "198.51.100.1:80"}, want: "connecting to 198.51.100.1:80: network is unreachable", is: syscall.ENETUNREACH},
		{name: "slow", kind: checks.TCP{Address: at4(quiet), Expect: "."}, timeout: short, want: "waiting for the answer of " + at4(quiet) + ": no answer in time", is: context.DeadlineExceeded},
		{name: "greeting", kind: checks.TCP{Address: at4(talker), Expect: "^hello"}},
		{name: "answer", kind: checks.TCP{Address: at4(talker), Send: "PING", Expect: "(?s)hello.*PING$"}},
		{name: "sent only", kind: checks.TCP{Address: at4(quiet), Send: "PING"}},
		{name: "wrong answer", kind: checks.TCP{Address: at4(talker), Send: "PING", Expect: "PONG"}, timeout: short, want: `its answer "hello\r\nPING" does not match "PONG", then: `, is: context.DeadlineExceeded},
		{name: "no answer", kind: checks.TCP{Address: at4(rude), Expect: "hello"}, want: "closes the connection without an answer", is: errNoAnswer},
		{name: "endless answer", kind: checks.TCP{Address: at4(endless), Expect: "hello"}, want: "answers without end", is: errTooMuch},
	})
	f.bindings(func(b checks.Bind, host string) checks.Kind {
		return checks.TCP{Bind: b, Address: net.JoinHostPort(host, quiet)}
	}, visitors)
}

// TestTCPLeavesNothing: looks without a word leave no port behind.
func TestTCPLeavesNothing(t *testing.T) {
	f := newField(t)
	port, _ := f.listen(hush)
	talker, _ := f.listen(parrot)
	silent := f.make(checks.TCP{Address: net.JoinHostPort(server4, port)})
	for range 50 {
		want(t, f.look(silent, plenty), "")
	}
	if n := timeWaits(f); n > 0 {
		t.Errorf("%d connections in TIME_WAIT after looks without a word, want none", n)
	}
	// The same count sees those of connections that were talked on.
	want(t, f.look(f.make(checks.TCP{Address: net.JoinHostPort(server4, talker), Send: "x", Expect: "x"}), plenty), "")
	labtest.Eventually(t, plenty, "a talk leaves TIME_WAIT", func() bool { return timeWaits(f) == 1 })
}

// timeWaits counts the node's connections in TIME_WAIT.
func timeWaits(f *field) int {
	f.t.Helper()
	n := 0
	labtest.OK(f.t, f.node.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/tcp")
		for line := range strings.Lines(string(b)) {
			if fields := strings.Fields(line); len(fields) > 3 && fields[3] == "06" {
				n++
			}
		}
		return err
	}))
	return n
}

// TestTCPCancelled: a look that is given up ends, and says so.
func TestTCPCancelled(t *testing.T) {
	f := newField(t)
	ctx, cancel := context.WithCancel(t.Context())
	port, _ := f.listen(func(c net.Conn) {
		cancel()
		hush(c)
	})
	p := f.make(checks.TCP{Address: net.JoinHostPort(server4, port), Expect: "x"})
	if err := f.node.Do(func() error { return p.Probe(ctx) }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func BenchmarkTCP(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	labtest.OK(b, err)
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	p, err := New(checks.TCP{Address: l.Addr().String()})
	labtest.OK(b, err)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		labtest.OK(b, p.Probe(ctx))
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

func TestUDP(t *testing.T) {
	f := newField(t)
	// It answers everything but silence.
	port, visitors := f.receive(func(c net.PacketConn, b []byte, from net.Addr) {
		if string(b) != "shh" {
			_, _ = c.WriteTo(append([]byte("re:"), b...), from)
		}
	})
	lost, _ := f.receive(func(net.PacketConn, []byte, net.Addr) {})
	f.swallow("udp dport " + lost)
	closed := f.free()

	at4 := func(port string) string { return net.JoinHostPort(server4, port) }
	at6 := func(port string) string { return net.JoinHostPort(server6, port) }
	f.table([]outcome{
		{name: "reply IPv4", kind: checks.UDP{Address: at4(port), Send: "a", Expect: "^re:a$"}},
		{name: "reply IPv6", kind: checks.UDP{Address: at6(port), Send: "a", Expect: "^re:a$"}},
		{name: "reply to nothing", kind: checks.UDP{Address: at4(port), Expect: "^re:$"}},
		{name: "any reply", kind: checks.UDP{Address: at4(port), Send: "a"}},
		{name: "wrong reply", kind: checks.UDP{Address: at4(port), Send: "a", Expect: "b"}, want: "asking " + at4(port) + `: its answer "re:a" does not match "b"`, is: errMismatch},
		{name: "slow", kind: checks.UDP{Address: at4(port), Send: "shh", Expect: "."}, timeout: short, want: "asking " + at4(port) + ": no answer in time", is: context.DeadlineExceeded},
		{name: "refused IPv4", kind: checks.UDP{Address: at4(closed), Send: "a", Expect: "."}, want: "asking " + at4(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "refused IPv6", kind: checks.UDP{Address: at6(closed), Send: "a", Expect: "."}, want: "asking " + at6(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "blackholed IPv4", kind: checks.UDP{Address: at4(lost), Send: "a", Expect: "."}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
		{name: "blackholed IPv6", kind: checks.UDP{Address: at6(lost), Send: "a", Expect: "."}, timeout: short, want: "no answer in time", is: context.DeadlineExceeded},
		{name: "silence passes", kind: checks.UDP{Address: at4(port), Send: "shh"}, timeout: short},
		{name: "a hole is silent", kind: checks.UDP{Address: at4(lost)}, timeout: short},
		{name: "no reply wanted, refused IPv4", kind: checks.UDP{Address: at4(closed)}, want: "sending to " + at4(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "no reply wanted, refused IPv6", kind: checks.UDP{Address: at6(closed)}, want: "sending to " + at6(closed) + ": connection refused", is: syscall.ECONNREFUSED},
		{name: "no route", kind: checks.UDP{Address: "198.51.100.1:80"}, want: "connecting to 198.51.100.1:80: network is unreachable", is: syscall.ENETUNREACH},
	})
	f.bindings(func(b checks.Bind, host string) checks.Kind {
		return checks.UDP{Bind: b, Address: net.JoinHostPort(host, port), Send: "a", Expect: "re:a"}
	}, visitors)
}

// TestUDPRefusesSeldom: a host that refuses tires of saying so.
func TestUDPRefusesSeldom(t *testing.T) {
	f := newField(t)
	p := f.make(checks.UDP{Address: net.JoinHostPort(server4, f.free())})
	// Linux refuses six times at once, then once per second. A look has the time that
	// a busy machine may take to hear of it.
	for range 12 {
		want(t, f.look(p, time.Second), "connection refused")
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// attribute is a netlink attribute, on machines with the least byte first.
func attribute(kind byte, value ...byte) []byte {
	out := append([]byte{byte(4 + len(value)), 0, kind, 0}, value...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	return out
}

// join is byte slices one after the other.
func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// message is an entry of connection tracking: 192.0.2.10:4660 to 192.0.2.100:80, served by 198.51.100.11:8080.
func message() []byte {
	tuple := func(src, dst []byte, srcPort, dstPort uint16) []byte {
		return join(
			attribute(ctTupleIP, join(attribute(ctV4Src, src...), attribute(ctV4Dst, dst...))...),
			attribute(ctTupleProto, join(attribute(ctProtoNum, 6), attribute(ctProtoSrc, port(srcPort)...), attribute(ctProtoDst, port(dstPort)...))...))
	}
	return join(make([]byte, 4),
		attribute(ctTupleOrig, tuple([]byte{192, 0, 2, 10}, []byte{192, 0, 2, 100}, 0x1234, 80)...),
		attribute(ctTupleReply, tuple([]byte{198, 51, 100, 11}, []byte{192, 0, 2, 10}, 8080, 0x1234)...),
		attribute(ctStatus, 0, 0, 0, translated),
		attribute(ctProtoInfo, attribute(ctInfoTCP, attribute(ctTCPState, tcpEstablished)...)...))
}

func TestParseFlow(t *testing.T) {
	t.Parallel()
	e := parseFlow(message())
	if e.protocol != pool.TCP || e.to != netip.MustParseAddrPort("192.0.2.100:80") || e.server != netip.MustParseAddrPort("198.51.100.11:8080") ||
		e.status != translated || e.state != tcpEstablished {
		t.Errorf("read as %+v", e)
	}
}

func TestWhatIsClosedIsNoConnection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		protocol         pool.Protocol
		state            uint8
		active, inactive uint64
	}{
		{pool.UDP, 0, 1, 0},
		{pool.TCP, 1, 0, 1},  // SYN_SENT
		{pool.TCP, 2, 0, 1},  // SYN_RECV
		{pool.TCP, 3, 1, 0},  // ESTABLISHED
		{pool.TCP, 4, 0, 1},  // FIN_WAIT
		{pool.TCP, 5, 0, 1},  // CLOSE_WAIT
		{pool.TCP, 6, 0, 1},  // LAST_ACK
		{pool.TCP, 7, 0, 0},  // TIME_WAIT
		{pool.TCP, 8, 0, 0},  // CLOSE
		{pool.SCTP, 1, 0, 0}, // CLOSED
		{pool.SCTP, 3, 0, 1}, // COOKIE_ECHOED
		{pool.SCTP, 4, 1, 0}, // ESTABLISHED
		{pool.SCTP, 5, 0, 1}, // SHUTDOWN_SENT
	} {
		var r pool.Reading
		(&flow{protocol: test.protocol, state: test.state}).into(&r)
		if r.Active != test.active || r.Inactive != test.inactive {
			t.Errorf("protocol %d, state %d: %d active, %d inactive", test.protocol, test.state, r.Active, r.Inactive)
		}
	}
}

func FuzzParseFlow(f *testing.F) {
	f.Add(message())
	f.Add(message()[:40])
	f.Add([]byte{0, 0, 0, 0, 3, 0, 1, 0})
	f.Fuzz(func(_ *testing.T, msg []byte) {
		e := parseFlow(msg)
		_ = serves(map[netip.AddrPort]bool{}, &e)
	})
}

func FuzzElement(f *testing.F) {
	f.Add("\xc0\x00\x02\x64\x06\x00\x00\x00\x00\x50\x00\x00", "\xc0\x00\x02\x64\x06\x00\x00\x00\x00\x50\x00\x00")
	f.Add("\x07\x00\x00\x00\x02\x00\x00\x00\x06\x00\x00\x00", "")
	f.Add("", "x")
	f.Fuzz(func(t *testing.T, key, end string) {
		e := element{key: key, end: end}
		if e.frontend() == "" {
			t.Error("a frontend without a name")
		}
		_, _ = server(key)
		_ = overlap(e, element{key: end, end: key})
	})
}

func TestErrorsAreUnderstood(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		lacked bool
	}{{unix.EPERM, false}, {unix.EPROTONOSUPPORT, true}, {unix.EINVAL, false}, {unix.ENOENT, true}, {unix.ENOBUFS, false}} {
		err := understood(test.err)
		if !errors.Is(err, test.err) || errors.Is(err, pool.ErrNoPlane) != test.lacked {
			t.Errorf("%v is told as %v", test.err, err)
		}
	}
}

func TestCompileSCTP(t *testing.T) {
	t.Parallel()
	v := pool.Virtual{Name: "s/1", Frontends: []pool.Frontend{pool.Single(pool.SCTP, netip.MustParseAddrPort("192.0.2.100:80"))}}
	p := compile(v, nil)
	for e := range p.frontends[services4] {
		if e.chain != "service-s/2f1-4" || e.frontend() != "192.0.2.100:80/sctp" {
			t.Errorf("%s goes to %s", e.frontend(), e.chain)
		}
	}
	if len(p.frontends[services4]) != 1 || len(p.frontends[emptyServices4]) != 1 {
		t.Errorf("a service without servers is in %v", p.frontends)
	}
}

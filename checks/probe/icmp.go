// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/vicar-ha/vicar/checks"
)

// maxEcho is the largest payload of an echo request in an IPv4 packet.
const maxEcho = 65535 - 20 - 8

var errNoAddress = errors.New("it has no address that the source can reach")

// ping asks for an echo. A name is looked up for each look, and its first
// address that the source can reach is asked.
//
// Each look opens a socket of its own, which is 20 µs of the 50 that a look on
// the loopback costs. One that is kept would hold on to an interface that has
// gone and an address that a name no longer has, and would have to be emptied
// of late answers, and when raw of everybody else's.
type ping struct {
	bind checks.Bind
	host string
	size int
	addr netip.Addr // of the host; invalid if host is a name
}

func newICMP(k checks.ICMP) (checks.Probe, error) {
	if k.Host == "" {
		return nil, errors.New("there is no host")
	}
	if k.Size < 0 || k.Size > maxEcho {
		return nil, fmt.Errorf("a payload of %d bytes: must be 0 to %d", k.Size, maxEcho)
	}
	p := &ping{bind: k.Bind, host: k.Host, size: k.Size}
	if a, err := netip.ParseAddr(k.Host); err == nil {
		p.addr = a.Unmap()
		if !suits(k.Bind, p.addr) {
			return nil, fmt.Errorf("pinging %s from %s: %w", k.Host, k.Source, errFamily)
		}
	}
	return p, nil
}

// Probe implements checks.Probe.
func (p *ping) Probe(ctx context.Context) error {
	addr, err := p.lookUp(ctx)
	if err == nil {
		err = p.ask(ctx, addr)
	}
	switch {
	case err == nil:
		return nil
	case p.addr.IsValid() || !addr.IsValid():
		return fmt.Errorf("pinging %s: %w", p.host, cause(ctx, err))
	default:
		return fmt.Errorf("pinging %s (%s): %w", p.host, addr, cause(ctx, err))
	}
}

// lookUp is the address to ask.
func (p *ping) lookUp(ctx context.Context) (netip.Addr, error) {
	if p.addr.IsValid() {
		return p.addr, nil
	}
	r := net.Resolver{PreferGo: true}
	list, err := r.LookupNetIP(ctx, "ip", p.host)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range list {
		if a = a.Unmap(); suits(p.bind, a) {
			return a, nil
		}
	}
	return netip.Addr{}, errNoAddress
}

// Close implements checks.Probe.
func (p *ping) Close() error { return nil }

// echo is a request and what its reply must be: the same identity, sequence
// number and payload, which are random.
type echo struct {
	v6      bool
	id, seq int
	data    []byte
}

func newEcho(v6 bool, size int) *echo {
	e := &echo{v6: v6, id: rand.IntN(1 << 16), seq: rand.IntN(1 << 16), data: make([]byte, size)}
	_, _ = crand.Read(e.data) // never fails
	return e
}

// request is the message. The kernel fills in ICMPv6's checksum.
func (e *echo) request() ([]byte, error) {
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.data}}
	if e.v6 {
		m.Type = ipv6.ICMPTypeEchoRequest
	}
	return m.Marshal(nil)
}

// answers tells whether b is the reply to e.
func (e *echo) answers(b []byte) bool { return e.is(b, ipv4.ICMPTypeEchoReply, ipv6.ICMPTypeEchoReply) }

// caused tells whether b is the beginning of e as an ICMP error gives it back:
// at least 8 bytes (RFC 792), which may be all.
func (e *echo) caused(b []byte) bool {
	sent, err := e.request()
	if err != nil || len(b) < 8 {
		return false
	}
	// All but the checksum.
	return b[0] == sent[0] && bytes.Equal(b[4:8], sent[4:8])
}

func (e *echo) is(b []byte, v4 ipv4.ICMPType, v6 ipv6.ICMPType) bool {
	var kind icmp.Type = v4
	if e.v6 {
		kind = v6
	}
	m, err := icmp.ParseMessage(kind.Protocol(), b)
	if err != nil || m.Type != kind || m.Code != 0 {
		return false
	}
	body, ok := m.Body.(*icmp.Echo)
	return ok && body.ID == e.id && body.Seq == e.seq && bytes.Equal(body.Data, e.data)
}

// withoutHeader is what an IPv4 packet carries; nil if it is none.
func withoutHeader(b []byte) []byte {
	if len(b) < ipv4.HeaderLen || b[0]>>4 != 4 {
		return nil
	}
	n := int(b[0]&0xf) * 4
	if n < ipv4.HeaderLen || n > len(b) {
		return nil
	}
	return b[n:]
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"net/netip"
	"testing"

	"github.com/vicar-ha/vicar/checks"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestRejected: what New cannot make.
func TestRejected(t *testing.T) {
	for _, c := range []struct {
		name string
		kind checks.Kind
		want string
	}{
		{"no kind", nil, "making a check of kind none: no probe for <nil>"},
		{"tcp without port", checks.TCP{Address: "192.0.2.1"}, "making a check of kind tcp: reading the address: address 192.0.2.1: missing port"},
		{"tcp without host", checks.TCP{Address: ":80"}, `":80" lacks a host or a port`},
		{"tcp pattern", checks.TCP{Address: "192.0.2.1:80", Expect: "("}, "reading the expected pattern: error parsing regexp"},
		{"udp without port", checks.UDP{Address: "192.0.2.1:"}, "lacks a host or a port"},
		{"udp pattern", checks.UDP{Address: "192.0.2.1:80", Expect: "("}, "reading the expected pattern"},
		{"icmp without host", checks.ICMP{}, "there is no host"},
		{"icmp size", checks.ICMP{Host: "192.0.2.1", Size: 65508}, "a payload of 65508 bytes: must be 0 to 65507"},
		{"icmp families", checks.ICMP{Host: "192.0.2.1", Bind: checks.Bind{Source: addr("2001:db8::1")}}, "pinging 192.0.2.1 from 2001:db8::1: source and target are not of one address family"},
		{"dns server", checks.DNS{Server: "192.0.2.1", Name: "example", Type: "A"}, "missing port"},
		{"dns name", checks.DNS{Server: "192.0.2.1:53", Name: "a..b", Type: "A"}, `"a..b" is no domain name`},
		{"dns no name", checks.DNS{Server: "192.0.2.1:53", Type: "A"}, `"" is no domain name`},
		{"dns type", checks.DNS{Server: "192.0.2.1:53", Name: "example", Type: "B"}, `"B" is no type of DNS record`},
		{"dns pattern", checks.DNS{Server: "192.0.2.1:53", Name: "example", Type: "A", Expect: "("}, "reading the expected pattern"},
		{"smtp address", checks.SMTP{Address: "192.0.2.1"}, "missing port"},
		{"smtp name", checks.SMTP{Address: "192.0.2.1:25", Hello: "a\r\nMAIL"}, "is none"},
		{"smtp pattern", checks.SMTP{Address: "192.0.2.1:25", Expect: "("}, "reading the expected pattern"},
		{"tls address", checks.Handshake{Address: "192.0.2.1"}, "missing port"},
		{"tls CA", checks.Handshake{Address: "192.0.2.1:443", TLS: checks.TLS{CA: "missing.pem"}}, "reading the CA certificates: open missing.pem: no such file"},
		{"tls CA is none", checks.Handshake{Address: "192.0.2.1:443", TLS: checks.TLS{CA: "probe_test.go"}}, "reading the CA certificates: probe_test.go: no certificate in it"},
		{"tls key", checks.Handshake{Address: "192.0.2.1:443", TLS: checks.TLS{Certificate: "c.pem", Key: "k.pem"}}, "loading the client certificate c.pem with key k.pem: open c.pem: no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := New(c.kind)
			want(t, err, c.want)
			if p != nil {
				t.Errorf("got a probe %v beside the error", p)
			}
		})
	}
}

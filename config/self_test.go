// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net/netip"
	"testing"
)

func TestSelf(t *testing.T) {
	c := &Config{Nodes: []Node{
		{Name: "db.example.com", Addresses: addrs("192.0.2.13")},
		{Name: "lb-1", Addresses: addrs("192.0.2.10", "2001:db8::10")},
		{Name: "lb-2", Addresses: addrs("192.0.2.11", "fe80::11")},
		{Name: "twin.a", Addresses: addrs("192.0.2.14")},
		{Name: "twin.b", Addresses: addrs("192.0.2.15")},
	}}
	const nodes = "db.example.com (192.0.2.13), lb-1 (192.0.2.10, 2001:db8::10), lb-2 (192.0.2.11, fe80::11), twin.a (192.0.2.14), twin.b (192.0.2.15)"
	tests := []struct {
		name  string
		hints Hints
		want  string
		err   string
	}{
		{name: "explicit", hints: Hints{Node: "lb-2", Hostname: "lb-1", Addresses: addrs("192.0.2.10")}, want: "lb-2"},
		{name: "explicit and unknown", hints: Hints{Node: "lb2"}, err: ErrSelf.Error() + ": no node is called lb2; did you mean lb-2?"},
		{name: "explicit and strange", hints: Hints{Node: "zzz"}, err: ErrSelf.Error() + ": no node is called zzz; the nodes are db.example.com, lb-1, lb-2, twin.a, twin.b"},
		{name: "host name", hints: Hints{Hostname: "lb-1", Addresses: addrs("192.0.2.11")}, want: "lb-1"},
		{name: "host name in capitals", hints: Hints{Hostname: "LB-1"}, want: "lb-1"},
		{name: "full host name, short node", hints: Hints{Hostname: "lb-1.example.com."}, want: "lb-1"},
		{name: "short host name, full node", hints: Hints{Hostname: "db"}, want: "db.example.com"},
		{name: "full names that differ", hints: Hints{Hostname: "db.example.net", Addresses: addrs("192.0.2.11")}, want: "lb-2"},
		{name: "ambiguous short name", hints: Hints{Hostname: "twin", Addresses: addrs("192.0.2.15")}, want: "twin.b"},
		{name: "address", hints: Hints{Hostname: "localhost", Addresses: addrs("127.0.0.1", "::ffff:192.0.2.10")}, want: "lb-1"},
		{name: "address with a zone", hints: Hints{Addresses: []netip.Addr{netip.MustParseAddr("fe80::11%eth0")}}, want: "lb-2"},
		{name: "two nodes", hints: Hints{Addresses: addrs("192.0.2.10", "192.0.2.11")}, err: ErrSelf.Error() + ": it has addresses of lb-1 and lb-2; say which with --node"},
		{
			name: "none", hints: Hints{Hostname: "web", Addresses: addrs("198.51.100.1")},
			err: ErrSelf.Error() + ": none is called web or has one of its addresses; the nodes are " + nodes + "; say which with --node",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := c.Self(tt.hints)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			switch {
			case tt.err == "" && err != nil:
				t.Error(err)
			case tt.err != "" && (err == nil || err.Error() != tt.err || !errors.Is(err, ErrSelf)):
				t.Errorf("error %v, want %s", err, tt.err)
			}
		})
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"net/netip"
	"testing"
)

func TestConfigCheck(t *testing.T) {
	for _, tt := range []struct {
		name      string
		iface     string
		family    int
		multicast bool
		source    string
		ok        bool
	}{
		{"IPv4", "eth0", 4, true, "192.0.2.1", true},
		{"IPv6 multicast", "eth0", 6, true, "fe80::1", true},
		{"IPv6 unicast", "eth0", 6, false, "2001:db8::1", true},
		{"IPv6 multicast from a global address", "eth0", 6, true, "2001:db8::1", false}, // RFC 9568 section 5.1.2.1
		{"no interface", "", 4, true, "192.0.2.1", false},
		{"long interface name", "abcdefghijklmnop", 4, true, "192.0.2.1", false},
		{"no family", "eth0", 0, true, "192.0.2.1", false},
		{"no source", "eth0", 4, true, "", false},
		{"other family", "eth0", 4, true, "fe80::1", false},
		{"mapped", "eth0", 6, false, "::ffff:192.0.2.1", false},
		{"zone", "eth0", 6, true, "fe80::1%eth0", false},
		{"unspecified", "eth0", 4, true, "0.0.0.0", false},
		{"multicast", "eth0", 4, true, "224.0.0.18", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := Config{Interface: tt.iface, Family: tt.family, Multicast: tt.multicast}
			if tt.source != "" {
				cfg.Source = netip.MustParseAddr(tt.source)
			}
			if err := cfg.check(); (err == nil) != tt.ok {
				t.Errorf("check: %v", err)
			}
		})
	}
}

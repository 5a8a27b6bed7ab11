// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestTargets: what is looked at, as it may be written; "" is an error.
func TestTargets(t *testing.T) {
	tests := []struct{ check, want string }{
		{"tcp: localhost:80", "localhost:80"},
		{"tcp: db_1.example.com.:5432", "db_1.example.com.:5432"},
		{"tcp: '192.0.2.1:0080'", "192.0.2.1:80"},
		{"tcp: 192.0.2.1:65535", "192.0.2.1:65535"},
		{"tcp: 192.0.2.1:65536", ""},
		{"tcp: 192.0.2.1:+80", ""},
		{"tcp: '[2001:db8::1]:80'", "[2001:db8::1]:80"},
		{"tcp: '[fe80::1%eth0]:80'", "[fe80::1%eth0]:80"},
		{"tcp: '[2001:db8::1]'", ""},
		{"tcp: '[fe80::1%a]b]:80'", ""},
		{"tcp: '[localhost]'", ""},
		{"tcp: -a.example.com:80", ""},
		{"tcp: a..b:80", ""},
		{"tcp: " + strings.Repeat("a", 64) + ":80", ""},
		{"tcp: '/run/x.sock'", ""},
		{"icmp: 2001:db8::1", "2001:db8::1"},
		{"icmp: fe80::1%eth0", "fe80::1%eth0"},
		{"icmp: 192.0.2.1/24", ""},
		{"icmp: 1.2.3", ""},
		{"icmp: 192.0.2.1.nip.example.com", "192.0.2.1.nip.example.com"},
		{"smtp: '[2001:db8::1]'", "[2001:db8::1]:25"},
		{"smtp: 2001:db8::1", "[2001:db8::1]:25"},
		{"smtp: mail.example.com:587", "mail.example.com:587"},
		{"tls: www.example.com", "www.example.com:443"},
		{"dns: .@192.0.2.53", ". at 192.0.2.53:53"},
		{"dns: '_dmarc.example.com@[2001:db8::53]:5353'", "_dmarc.example.com at [2001:db8::53]:5353"},
		{"dns: example.com@", ""},
		{"dns: '@192.0.2.53'", ""},
		{"dns: a@b@192.0.2.53", ""},
		{"http: 'HTTPS://[2001:db8::1]:8443/a?b=c'", "https://[2001:db8::1]:8443/a?b=c"},
		{"http: http://localhost", "http://localhost"},
		{"http: http:///x", ""},
		{"http: http://192.0.2.300/", ""},
		{"http: http://192.0.2.1:99999/", ""},
		{"http: //192.0.2.1/", ""},
		{"process: {command: ^nginx}", "^nginx"},
		{"interface: bond0.100", "bond0.100"},
		{"file: /etc/vicar", "/etc/vicar"},
		{"exec: [/bin/test, -f, /run/ok]", "/bin/test -f /run/ok"},
	}
	for _, tt := range tests {
		c, err := Parse("vicar.yaml", fmt.Appendf(nil, "%schecks: {x: {%s}}\n", small, tt.check))
		switch {
		case tt.want == "" && err == nil:
			t.Errorf("%s is accepted: %s", tt.check, c.Checks[0].Kind.Target())
		case tt.want != "" && err != nil:
			t.Error(err)
		case tt.want != "" && c.Checks[0].Kind.Target() != tt.want:
			t.Errorf("%s is %s, want %s", tt.check, c.Checks[0].Kind.Target(), tt.want)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// What a table has of a cause is short enough to be read to its end.
func TestShortCause(t *testing.T) {
	tests := []struct{ cause, target, want string }{
		{"http: GET http://198.51.100.31:8080/healthz: connecting to 198.51.100.31:8080: connection refused", "198.51.100.31:8080", "http: GET /healthz: connecting: connection refused"},
		{"http: GET http://198.51.100.31:9000/load: connecting to 198.51.100.31:9000: no answer within 500ms", "198.51.100.31:8080", "http: GET :9000/load: connecting to 198.51.100.31:9000: no answer within 500ms"},
		{"http: GET http://198.51.100.31/: status 503, want 200", "198.51.100.31:80", "http: GET /: status 503, want 200"},
		{"http: GET http://[2001:db8::31]:8080/: TLS handshake with [2001:db8::31]:8080: certificate expired", "[2001:db8::31]:8080", "http: GET /: TLS handshake: certificate expired"},
		{"http: GET http://198.51.100.3:80/: status 503", "198.51.100.31:80", "http: GET http://198.51.100.3:80/: status 503"},
		{"tcp: connecting to 198.51.100.31:80: connection refused; icmp: pinging 198.51.100.31: no answer", "198.51.100.31:80", "tcp: connecting: connection refused; icmp: pinging: no answer"},
		{"dns: asking 198.51.100.53:53 for . NS: no answer within 1s", "198.51.100.53:53", "dns: asking for . NS: no answer within 1s"},
		{"tcp: waiting for the answer of 198.51.100.31:80: no answer within 1s", "198.51.100.31:80", "tcp: waiting for its answer: no answer within 1s"},
		{"GET http://127.0.0.1/healthz: status 503", "http://127.0.0.1/healthz", "GET /healthz: status 503"},
		{"file /run/drain: does not exist", "/run/drain", "file /run/drain: does not exist"},
		{"exec: exit code 1: \x1b[31mno", "", "exec: exit code 1: [31mno"},
	}
	for _, tt := range tests {
		if got := causeCell(tt.cause, tt.target, false); got != tt.want {
			t.Errorf("%q at %s: %q, want %q", tt.cause, tt.target, got, tt.want)
		}
	}
	long := "http: GET /: " + strings.Repeat("and so on ", 30) + "refused"
	if got := causeCell(long, "", false); got != long {
		t.Errorf("it is cut for a program: %q", got)
	}
	if got := causeCell(long, "", true); utf8.RuneCountInString(got) != mostCause || !strings.HasSuffix(got, "refused") || !strings.HasPrefix(got, "http: GET /: ") {
		t.Errorf("it is cut as %q", got)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/quorum"
)

func TestToken(t *testing.T) {
	for _, b := range []quorum.Ballot{
		{Counter: 1, Node: "a", Start: 1},
		{Counter: 1<<64 - 1, Node: "lb/1/", Start: 1<<64 - 1},
		{Counter: 7, Node: strings.Repeat("x", 255), Start: 0},
	} {
		got, err := parseToken(encodeToken(b))
		if err != nil || got != b {
			t.Errorf("%v became %v, %v", b, got, err)
		}
	}
	if b, err := parseToken(""); err != nil || !b.IsZero() {
		t.Errorf("no token is %v, %v", b, err)
	}
}

func TestTokenRefused(t *testing.T) {
	for _, token := range []string{
		"1", "1/2/3", "1/2/3/", "2/2/3/a", "1/0/3/a", "1/02/3/a", "1/2/0x3/a", "1/2/F/a", "1/-2/3/a", "1/+2/3/a", "1/2/03/a",
		"1/18446744073709551616/1/a", "1/2/3/" + strings.Repeat("x", 256), " 1/2/3/a",
	} {
		if b, err := parseToken(token); !errors.Is(err, errToken) || !b.IsZero() {
			t.Errorf("%q became %v, %v", token, b, err)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add("1/5/1f3a/lb-1")
	f.Add("")
	f.Add("1/5/1f3a/")
	f.Fuzz(func(t *testing.T, token string) {
		b, err := parseToken(token)
		if err == nil && token != "" && encodeToken(b) != token {
			t.Errorf("%q became %v", token, b)
		}
		if err != nil && !b.IsZero() {
			t.Errorf("%q became %v and %v", token, b, err)
		}
	})
}

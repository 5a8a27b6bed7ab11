// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"testing"

	"github.com/vicar-ha/vicar/checks"
)

// TestTargetOfURL: a target is shown to everybody, a password is not.
func TestTargetOfURL(t *testing.T) {
	for url, want := range map[string]string{
		"http://192.0.2.1:8080/health?full=1":  "http://192.0.2.1:8080/health?full=1",
		"https://user:secret@lb.example.com/x": "https://user:xxxxx@lb.example.com/x",
		"http://user:secret@[2001:db8::1":      "a URL that can't be read",
	} {
		if got := (checks.HTTP{URL: url}).Target(); got != want {
			t.Errorf("%s: got %s, want %s", url, got, want)
		}
	}
}

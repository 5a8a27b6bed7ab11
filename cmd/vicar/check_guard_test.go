// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"regexp"
	"strings"
	"testing"
)

// What the guard asks for is shown, and what two failures make of it.
func TestCheckGuard(t *testing.T) {
	digest := regexp.MustCompile(`\b[0-9a-f]{16}\b`) // versions of vicar may differ in it
	for name, args := range map[string]string{
		"check-guard":       "check --strict testdata/guard.yaml",
		"check-guard-pairs": "check --strict --pairs testdata/guard.yaml",
		"check-guard-json":  "check --json testdata/guard.yaml",
	} {
		got := vicar(t.Context(), strings.Fields(args)...)
		if got.code != exitOK {
			t.Errorf("%s: exit code %d, want %d", name, got.code, exitOK)
		}
		golden(t, name+".txt", digest.ReplaceAllString(got.String(), "DIGEST"))
	}
}

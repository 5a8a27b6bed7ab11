// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestCheckCloud: what moves each address, in which order and through what, is shown.
func TestCheckCloud(t *testing.T) {
	digest := regexp.MustCompile(`\b[0-9a-f]{16}\b`) // versions of vicar may differ in it
	for name, args := range map[string]string{
		"check-cloud":      "check --strict testdata/cloud.yaml",
		"check-cloud-json": "check --json testdata/cloud.yaml",
	} {
		got := vicar(t.Context(), strings.Fields(args)...)
		if got.code != exitOK {
			t.Errorf("%s: exit code %d, want %d", name, got.code, exitOK)
		}
		golden(t, name+".txt", digest.ReplaceAllString(got.String(), "DIGEST"))
	}
}

// TestCheckCloudOfPrograms: without a section aws nothing is said of AWS; and where
// addresses are the host's affair alone, nothing at all.
func TestCheckCloudOfPrograms(t *testing.T) {
	for move, want := range map[string]bool{"[{exec: [/bin/move]}, kernel]": true, "[kernel]": false} {
		file := filepath.Join(t.TempDir(), "vicar.yaml")
		text := "cluster: web\nnodes: {lb-1: {address: 192.0.2.10, priority: 150}, lb-2: {address: 192.0.2.11, priority: 100}}\n" +
			"transport: {kind: unicast}\nrouters: {web: {vrid: 51, addresses: [192.0.2.100/24], move: " + move + "}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := vicar(t.Context(), "check", file)
		if says := strings.Contains(got.stdout, "MOVED BY"); says != want || strings.Contains(got.stdout, "AWS") || want && !strings.Contains(got.stdout, "/bin/move") {
			t.Errorf("with %s:\n%s", move, got)
		}
	}
}

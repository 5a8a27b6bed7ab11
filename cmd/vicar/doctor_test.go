// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// policyFile is a cluster of two nodes with all that a policy can name.
const policyFile = `cluster: web
nodes:
  lb-1: {address: 192.0.2.10, priority: 150}
  lb-2: {address: 192.0.2.11, priority: 100}
transport: {kind: unicast}
peer_link: {keys_file: /etc/vicar/keys}
guard: {kind: quorum, table: vicar-lease}
routers:
  web: {vrid: 51, addresses: [192.0.2.100/24], move: [aws-secondary-ip, aws-eip, kernel]}
  inside: {vrid: 52, addresses: [198.51.100.7/32], move: [aws-route, kernel]}
aws:
  region: eu-central-1
  interfaces: {lb-1: eni-0123456789abcdef0, lb-2: eni-0123456789abcdef1}
  route_tables: [rtb-0123456789abcdef0, rtb-0123456789abcdef1]
  allocations: {192.0.2.100: eipalloc-0123456789abcdef0}
`

// TestPolicy: what is printed for a configuration is what it needs, down to the
// interface. Where that can't be, it says so beside the policy.
func TestPolicy(t *testing.T) {
	three := []string{
		"  lb-2:", "  lb-3: {address: 192.0.2.12, priority: 50}\n  lb-2:", ", table: vicar-lease", "",
		"lb-2: eni-0123456789abcdef1", "lb-2: eni-0123456789abcdef1, lb-3: eni-0123456789abcdef2",
	}
	const inside = "  inside: {vrid: 52, addresses: [198.51.100.7/32], move: [aws-route, kernel]}\n"
	const tables = "  route_tables: [rtb-0123456789abcdef0, rtb-0123456789abcdef1]\n"
	for name, replace := range map[string][]string{
		"policy-two":           nil,
		"policy-three":         three,
		"policy-release":       {"aws:\n", "aws:\n  release: true\n"},
		"policy-secondary":     {inside, "", tables, "", "aws-eip, ", "", "  allocations: {192.0.2.100: eipalloc-0123456789abcdef0}\n", ""},
		"policy-unnamed":       {", lb-2: eni-0123456789abcdef1", ""},
		"policy-tag":           {"interfaces: {lb-1: eni-0123456789abcdef0, lb-2: eni-0123456789abcdef1}", "tag: {vicar: web}"},
		"policy-role":          {"aws:\n", "aws:\n  role: arn:aws:iam::444455556666:role/vicar-routes\n"},
		"policy-role-unneeded": {"aws:\n", "aws:\n  role: arn:aws:iam::444455556666:role/vicar-routes\n", inside, "", tables, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "vicar.yaml")
			if err := os.WriteFile(file, []byte(strings.NewReplacer(replace...).Replace(policyFile)), 0o600); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", vicar(t.Context(), "doctor", "--policy", "-c", file).String())
		})
	}
}

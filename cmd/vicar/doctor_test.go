// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/status"
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
			file := fileOf(t, strings.NewReplacer(replace...).Replace(policyFile))
			got := vicar(t.Context(), "doctor", "--policy", "-c", file)
			golden(t, name+".txt", got.String())
			var one map[string]any // a document, and no second one behind it
			if err := json.Unmarshal([]byte(got.stdout), &one); err != nil {
				t.Error(err)
			}
			if strings.HasPrefix(name, "policy-role") {
				golden(t, name+"-assumed.txt", vicar(t.Context(), "doctor", "--role", "-c", file).String())
			}
		})
	}
}

// TestDoctorJSON: it tells of which node it speaks, and how that is.
func TestDoctorJSON(t *testing.T) {
	const says = `echo "{\"findings\":[{\"what\":\"a <key>\",\"ok\":false,\"problem\":\"it ends & is gone\"}]}"`
	file := fileOf(t, `cluster: web
nodes: {lb-1: {address: 192.0.2.10}, lb-2: {address: 192.0.2.11}}
transport: {kind: unicast}
routers:
  web: {vrid: 51, interface: eth0, addresses: [192.0.2.100/24], move: [{exec: [/bin/sh, -c, 'read -r r; case $r in *observe*) echo {\"objects\":[{\"address\":\"192.0.2.100\",\"mine\":false}]};; *) `+says+`; esac']}, kernel]}
`)
	got := vicar(t.Context(), "doctor", "--json", "-c", file, "--node", "lb-2")
	var d diagnosis
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil {
		t.Fatal(err, got)
	}
	if d.Cluster != "web" || d.Node != "lb-2" || d.Ready || len(d.Findings) != 4 || got.code != exitFailure {
		t.Errorf("it says %+v, exit code %d", d, got.code)
	}
	if last := d.Findings[len(d.Findings)-1]; !last.OK || !last.Untried {
		t.Errorf("a take-over was never tried, and it says %+v", last)
	}
	if !strings.Contains(got.stdout, "a <key>") || !strings.Contains(got.stdout, "ends & is") {
		t.Errorf("not for people's eyes: %s", got.stdout)
	}
	golden(t, "doctor-program.txt", vicar(t.Context(), "doctor", "-c", file, "--node", "lb-2").String())
}

// TestDoctorText: the cause of an error stands at its end, and is shown. What several
// routers find is one thing to mend.
func TestDoctorText(t *testing.T) {
	const cause = "i/o timeout"
	f := status.Finding{Router: "web", Mover: "aws-route", What: "the metadata service", Problem: strings.Repeat("long ", 100) + cause, Remedy: "allow it"}
	other := f
	other.Router = "inside"
	text := renderDoctor(new(config.Config), []status.Finding{f, other}, paint(false))
	if strings.Count(text, cause) != 1 || strings.Count(text, "allow it") != 1 || strings.Count(text, "wrong") != 2 {
		t.Errorf("doctor says\n%s", text)
	}
	if n := len(mends([]status.Finding{f, other, {OK: true, Untried: true, Remedy: "try"}})); n != 1 {
		t.Errorf("%d things to mend, want 1", n)
	}
}

// fileOf is a file with the text.
func fileOf(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "vicar.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

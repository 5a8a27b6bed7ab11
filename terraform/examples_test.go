// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// offline is a provider that asks nobody: a plan from nothing has nothing to ask.
const offline = `provider "aws" {
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
`

// mocked applies an example to a provider that makes things up.
const mocked = `mock_provider "aws" {
  mock_resource "aws_eip" {
    defaults = { public_ip = "203.0.113.20" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::111122223333:instance-profile/node" }
  }
}

run "example" {}
`

// inputs of every example, and of each.
var (
	common = map[string]any{
		"ami_id":       "ami-0123456789abcdef0",
		"package":      map[string]string{"url": "https://packages.example.org/vicar_1.0.0_arm64.deb", "sha256": strings.Repeat("0", 64)},
		"peer_key_arn": "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/web",
		"vpc":          map[string]any{"id": "vpc-0123456789abcdef0", "cidr_blocks": []string{"192.0.2.0/24", "2001:db8:1::/56"}},
	}
	zones = []map[string]string{
		{"id": "subnet-0123456789abcdef0", "cidr_block": "192.0.2.0/28", "availability_zone": "eu-central-1a", "address": "192.0.2.5"},
		{"id": "subnet-0123456789abcdef1", "cidr_block": "192.0.2.16/28", "availability_zone": "eu-central-1b", "address": "192.0.2.20"},
		{"id": "subnet-0123456789abcdef2", "cidr_block": "192.0.2.32/28", "availability_zone": "eu-central-1c", "address": "192.0.2.40"},
	}
	examples = map[string]map[string]any{
		"haproxy-pair": {
			"subnet": map[string]string{"id": "subnet-0123456789abcdef0", "cidr_block": "192.0.2.0/25", "availability_zone": "eu-central-1a"},
		},
		"nat-pair": {
			"public_subnets": zones, "private_route_table_ids": map[string]string{"a": "rtb-0123456789abcdef1"}, "public_route_table_ids": map[string]string{"a": "rtb-0123456789abcdef0"}, "overlay_address": "198.51.100.7", "internet_probe": "203.0.113.1:443",
		},
		"postgresql-vip": {
			"database_subnets": zones, "route_table_ids": map[string]string{"a": "rtb-0123456789abcdef0"}, "overlay_address": "198.51.100.7",
		},
	}
)

// TestExamples plans each example with the real provider's schema, and wants the
// configuration that it renders to be one that vicar proves without a problem.
func TestExamples(t *testing.T) {
	root := tree(t)
	found, err := filepath.Glob("modules/aws-vicar/examples/*/main.tf")
	if err != nil || len(found) != len(examples) {
		t.Errorf("%d examples, and inputs of %d", len(found), len(examples))
	}
	for name, inputs := range examples {
		t.Run(name, func(t *testing.T) {
			w := open(t, root, "modules/aws-vicar/examples/"+name)
			given := maps.Clone(common)
			maps.Copy(given, inputs)
			w.write(t, "offline_override.tf", []byte(offline))
			values, err := json.Marshal(given)
			if err != nil {
				t.Fatal(err)
			}
			w.write(t, "terraform.tfvars.json", values)
			out := w.run(t, "plan", "-input=false")
			if !strings.Contains(out, " 0 to change, 0 to destroy") || strings.Contains(out, "Warning") {
				t.Errorf("a first plan makes things, and warns of nothing:\n%s", out)
			}
			w.write(t, "example.tftest.hcl", []byte(mocked))
			file := filepath.Join(t.TempDir(), "vicar.yaml")
			made := states(t, w.run(t, "test", "-json", "-verbose"))
			if len(made) != 1 {
				t.Fatalf("%d runs, not one", len(made))
			}
			var text string
			made[0].output(t, "vicar_yaml", &text)
			if err := os.WriteFile(file, []byte(numbered(text)), 0o600); err != nil {
				t.Fatal(err)
			}
			proved(t, file)
		})
	}
}

func (w workspace) write(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

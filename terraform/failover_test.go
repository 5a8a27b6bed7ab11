// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/cloud/aws/awsfake"
)

// provider has the provider ask the region, and nobody else. As everywhere, it may
// ask again: a few of its requests are lost, since the SDK's client now and then
// closes a connection of its own whose answer it still reads
// (https://github.com/aws/aws-sdk-go-v2/issues/2737).
func (r *region) provider() []byte {
	return fmt.Appendf(nil, `
provider "aws" {
  region                      = "eu-central-1"
  access_key                  = %q
  secret_key                  = %q
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  max_retries                 = 5
  endpoints {
    autoscaling = %[3]q
    dynamodb    = %[3]q
    ec2         = %[3]q
    iam         = %[3]q
    ssm         = %[3]q
    sts         = %[3]q
  }
}
`, adminKey, adminSecret, r.url)
}

// land is a VPC as the examples are told, where nothing runs yet: subnets in three
// zones, and two route tables.
func land(subnets ...map[string]string) awsfake.Config {
	vpc := awsfake.VPC{ID: "vpc-0123456789abcdef0", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8:1::/56")}}
	cfg := awsfake.Config{VPCs: []awsfake.VPC{vpc}}
	for i, s := range subnets {
		cfg.Subnets = append(cfg.Subnets, awsfake.Subnet{
			ID: s["id"], VPC: vpc.ID, Zone: s["availability_zone"], CIDR: netip.MustParsePrefix(s["cidr_block"]), IPv6: netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%d::/64", i)),
		})
	}
	for i := range 2 {
		cfg.RouteTables = append(cfg.RouteTables, awsfake.RouteTable{ID: fmt.Sprintf("rtb-0123456789abcdef%d", i), VPC: vpc.ID, Main: i == 0})
	}
	return cfg
}

// deployment is one of the examples, or a root of its own, in a region.
type deployment struct {
	name   string
	text   string // of the root that is no example
	inputs map[string]any
	land   awsfake.Config
	owns   []owner
}

// owner is an edit of the module after which it would own what moves, and the
// resource that it then would move back.
type owner struct{ file, from, to, resource string }

// deployments are the ways of moving, by groups of one instance and by plain
// instances.
func deployments() []deployment {
	return []deployment{
		{
			name: "haproxy-pair", inputs: examples["haproxy-pair"], land: land(examples["haproxy-pair"]["subnet"].(map[string]string)),
			owns: []owner{{"network.tf", "[private_ips, private_ips_count, private_ip_list, ", "[", "aws_network_interface.slot"}},
		},
		{
			name: "nat-pair", inputs: examples["nat-pair"], land: land(zones...),
			owns: []owner{{"moves.tf", "ignore_changes = [network_interface_id]", "", "aws_route.moved"}},
		},
		{
			name: "instances", text: instances, land: land(zones...),
			owns: []owner{
				{"moves.tf", `domain = "vpc"`, "domain = \"vpc\"\nnetwork_interface = aws_network_interface.slot[local.preferred].id", "aws_eip.moved"},
				{"nodes.tf", ", source_dest_check]", "]", "aws_instance.node"},
			},
		},
	}
}

// instances are two without groups, with an Elastic IP and with routes of both
// families.
const instances = `
variable "ami_id" { type = string }
variable "package" { type = any }
variable "peer_key_arn" { type = string }
variable "vpc" { type = any }

module "vicar" {
  source = "../.."

  name         = "edge"
  region       = "eu-central-1"
  auto_scaling = false
  vpc          = var.vpc
  subnets = {
    a = { id = "subnet-0123456789abcdef0", cidr_block = "192.0.2.0/28", availability_zone = "eu-central-1a" }
    b = { id = "subnet-0123456789abcdef1", cidr_block = "192.0.2.16/28", availability_zone = "eu-central-1b" }
  }
  nodes = {
    edge-1 = { subnet = "a", address = "192.0.2.5", ipv6_address = "2001:db8:1:0::10" }
    edge-2 = { subnet = "b", address = "192.0.2.20", ipv6_address = "2001:db8:1:1::10" }
  }
  lease_table     = {}
  route_table_ids = { a = "rtb-0123456789abcdef0", b = "rtb-0123456789abcdef1" }
  routers = {
    edge  = { vrid = 51, move = "eip" }
    inner = { vrid = 52, move = "route", addresses = ["198.51.100.7/32", "2001:db8:2::7/128"] }
  }
  peer_key = { arn = var.peer_key_arn }
  ami_id   = var.ami_id
  package  = var.package
}

output "vicar_yaml" {
  value = module.vicar.vicar_yaml
}
`

// deploy has a root in which the deployment can be applied to the region.
func (d deployment) deploy(t *testing.T, r *region) workspace {
	t.Helper()
	root := tree(t)
	dir := filepath.Join("modules/aws-vicar/examples", d.name)
	w := workspace{program(t), filepath.Join(root, dir)}
	if d.text != "" {
		if err := os.Mkdir(w.dir, 0o755); err != nil {
			t.Fatal(err)
		}
		w.write(t, "main.tf", []byte(d.text))
	}
	given := maps.Clone(common)
	maps.Copy(given, d.inputs)
	values, err := json.Marshal(given)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "terraform.tfvars.json", values)
	w.write(t, "region_override.tf", r.provider())
	return open(t, root, dir)
}

// TestEmptyPlanAfterFailover applies the module with the real provider to a region,
// moves everything there by vicar's movers, first to one node and then to the other,
// and plans again: there is nothing to do, and an apply moves nothing. A module that
// owned what moves would move it back.
func TestEmptyPlanAfterFailover(t *testing.T) {
	program(t)
	noEnvironment(t)
	for _, d := range deployments() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := newRegion(t, d.land)
			w := d.deploy(t, r)
			w.run(t, "apply", "-input=false", "-auto-approve")
			empty(t, w, "all has been made")

			nodes := r.nodes(t, w)
			for _, n := range nodes {
				n.takes(t)
				for what, eni := range places(r.World, n) {
					if eni != n.eni {
						t.Fatalf("%s is at %q, not at %s of %s", what, eni, n.eni, n.name)
					}
				}
			}
			empty(t, w, "both have taken over", "-out=plan")
			before := places(r.World, nodes[0])
			w.run(t, "apply", "plan")
			if after := places(r.World, nodes[0]); !maps.Equal(before, after) {
				t.Errorf("an apply has moved %v to %v", before, after)
			}
			moves(t, w, d.owns)
		})
	}
}

// empty wants a plan with nothing to do. It looks at what is.
func empty(t *testing.T, w workspace, when string, flags ...string) {
	t.Helper()
	out, err := w.try(append([]string{"plan", "-input=false", "-detailed-exitcode"}, flags...)...)
	if err != nil {
		t.Errorf("the plan when %s: %v\n%s", when, err, out)
	}
}

// moves edits the module and wants a plan that changes the resources.
func moves(t *testing.T, w workspace, owns []owner) {
	t.Helper()
	for _, o := range owns {
		file := filepath.Join(w.dir, "../..", o.file)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		edited := strings.Replace(string(text), o.from, o.to, 1)
		if edited == string(text) {
			t.Fatalf("%s has no %q", o.file, o.from)
		}
		if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.try("plan", "-input=false", "-detailed-exitcode")
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 2 {
		t.Errorf("if the module owned what moves, the plan would not be empty, and yet: %v\n%s", err, out)
	}
	for _, o := range owns {
		if !strings.Contains(out, "# module.vicar."+o.resource) {
			t.Errorf("with %q for %q the plan does not change %s:\n%s", o.to, o.from, o.resource, out)
		}
	}
}

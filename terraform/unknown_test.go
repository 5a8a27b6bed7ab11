// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// nothing is a root that makes the network as well, so that no id is known before
// the apply.
const nothing = `
resource "aws_vpc" "this" {
  cidr_block                       = "192.0.2.0/24"
  assign_generated_ipv6_cidr_block = true
}

resource "aws_subnet" "this" {
  for_each          = { a = 0, b = 1, c = 2 }
  vpc_id            = aws_vpc.this.id
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 4, each.value)
  availability_zone = "eu-central-1${each.key}"
}

resource "aws_route_table" "this" {
  for_each = aws_subnet.this
  vpc_id   = aws_vpc.this.id
}

resource "aws_security_group" "clients" {
  vpc_id = aws_vpc.this.id
}

resource "aws_iam_policy" "more" {
  policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}

module "vicar" {
  source = "../.."

  name            = "web"
  region          = "eu-central-1"
  vpc             = { id = aws_vpc.this.id, cidr_blocks = [aws_vpc.this.cidr_block, aws_vpc.this.ipv6_cidr_block] }
  subnets         = { for k, s in aws_subnet.this : k => { id = s.id, cidr_block = s.cidr_block, availability_zone = s.availability_zone } }
  nodes           = { for k in ["a", "b", "c"] : "web-${k}" => { subnet = k, address = cidrhost(aws_subnet.this[k].cidr_block, 10) } }
  route_table_ids = { for k, t in aws_route_table.this : k => t.id if k != "c" }
  routers = {
    web = { vrid = 51, move = "route", addresses = ["198.51.100.7/32"], destinations = [{ to = "0.0.0.0/0", route_table_ids = { c = aws_route_table.this["c"].id } }] }
    out = { vrid = 52, move = "eip" }
  }
  security_group_ids  = [aws_security_group.clients.id]
  managed_policy_arns = { more = aws_iam_policy.more.arn }
  ingress             = { https = { from_port = 443, security_group_id = aws_security_group.clients.id } }
  endpoints           = { interfaces = ["ec2"], gateways = ["dynamodb"], route_table_ids = [for t in aws_route_table.this : t.id] }
  peer_key            = { arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/web" }
  ami_id              = "ami-0123456789abcdef0"
}
`

// TestUnknownIDs plans everything from nothing, in one apply: what there is one of
// for each table or policy must not go by an id that is not there yet.
func TestUnknownIDs(t *testing.T) {
	root := tree(t)
	const dir = "modules/aws-vicar/examples/nothing"
	w := workspace{program(t), filepath.Join(root, dir)}
	if err := os.Mkdir(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w.write(t, "main.tf", []byte(nothing))
	w.write(t, "provider.tf", []byte(strings.Replace(offline, "{", "{\n  region = \"eu-central-1\"", 1)))
	out := open(t, root, dir).run(t, "plan", "-input=false")
	for _, want := range []string{
		`module.vicar.aws_route.moved["a 198.51.100.7"] will`, `module.vicar.aws_route.moved["web c 0.0.0.0/0"] will`, `aws_iam_role_policy_attachment.more["node more"] will`, " 0 to destroy",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan has no %s:\n%s", want, out)
		}
	}
}

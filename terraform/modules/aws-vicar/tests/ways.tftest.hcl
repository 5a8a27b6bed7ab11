# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Each way of moving, with each number of nodes, against a mocked provider.
mock_provider "aws" {
  # Ids are made up, each its own, but where their form is checked.
  mock_resource "aws_eip" {
    defaults = { public_ip = "203.0.113.20" }
  }
  mock_resource "aws_security_group" {
    defaults = { id = "sg-0123456789abcdef0" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/web-node" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::111122223333:instance-profile/web-node" }
  }
}

variables {
  name   = "web"
  region = "eu-central-1"
  vpc    = { id = "vpc-0123456789abcdef0", cidr_blocks = ["192.0.2.0/24"] }
  subnets = {
    a = { id = "subnet-0123456789abcdef0", cidr_block = "192.0.2.0/26", availability_zone = "eu-central-1a" }
    b = { id = "subnet-0123456789abcdef1", cidr_block = "192.0.2.64/26", availability_zone = "eu-central-1b" }
    c = { id = "subnet-0123456789abcdef2", cidr_block = "192.0.2.128/26", availability_zone = "eu-central-1c" }
  }
  nodes = {
    lb-1 = { subnet = "a", address = "192.0.2.10" }
    lb-2 = { subnet = "a", address = "192.0.2.11" }
  }
  routers     = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"] } }
  peer_key    = { arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/web" }
  ami_id      = "ami-0123456789abcdef0"
  package     = { url = "https://packages.example.org/vicar_1.0.0_arm64.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  lease_table = {}
}

run "secondary_ip_two_nodes_and_a_table" {
  assert {
    condition     = length(aws_network_interface.slot) == 2 && length(aws_autoscaling_group.node) == 2 && length(aws_instance.node) == 0
    error_message = "a slot and a group for each node"
  }
  assert {
    condition     = alltrue([for g in aws_autoscaling_group.node : g.max_size == 1 && g.availability_zones == toset(["eu-central-1a"])])
    error_message = "a group has one instance, in its slot's zone"
  }
  assert {
    condition     = alltrue([for name, t in aws_launch_template.node : t.network_interfaces[0].network_interface_id == aws_network_interface.slot[name].id && t.metadata_options[0].http_tokens == "required" && t.metadata_options[0].http_put_response_hop_limit == 1])
    error_message = "an instance has its slot's interface, and version 2 of the metadata service"
  }
  assert {
    condition     = aws_ec2_subnet_cidr_reservation.moved["192.0.2.40"].reservation_type == "explicit"
    error_message = "the address must be reserved"
  }
  assert {
    condition     = yamldecode(output.vicar_yaml).guard.table == "web-vicar-lease" && yamldecode(output.vicar_yaml).routers.web.move == ["aws-secondary-ip", "kernel"]
    error_message = "the table votes, and the kernel comes last"
  }
  assert {
    condition     = aws_network_interface.slot["lb-1"].source_dest_check && length(aws_route.moved) == 0 && length(aws_eip.moved) == 0
    error_message = "nothing of the other ways of moving"
  }
  assert {
    condition     = strcontains(output.user_data["lb-2"], "node='lb-2'") && !strcontains(output.user_data["lb-2"], "SecureString")
    error_message = "each node's script names it"
  }
  assert {
    condition     = toset(keys(aws_iam_role.this)) == toset(["node"])
    error_message = "no role for a witness that is not there"
  }
}

run "secondary_ip_with_elastic_ips_on_instances" {
  variables {
    auto_scaling = false
    nodes = {
      lb-1 = { subnet = "a", address = "192.0.2.10", public = true }
      lb-2 = { subnet = "a", address = "192.0.2.11" }
    }
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26", "192.0.2.41/26"], elastic_ip = true } }
  }
  assert {
    condition     = length(aws_eip.moved) == 2 && keys(yamldecode(output.vicar_yaml).aws.allocations) == ["192.0.2.40", "192.0.2.41"]
    error_message = "an Elastic IP for each address"
  }
  assert {
    condition     = keys(aws_eip.own) == ["lb-1"] && aws_eip.own["lb-1"].network_interface == aws_network_interface.slot["lb-1"].id && aws_eip.own["lb-1"].associate_with_private_ip == "192.0.2.10"
    error_message = "a public address of the node's own, which does not move"
  }
  assert {
    condition     = length(aws_instance.node) == 2 && alltrue([for i in aws_instance.node : i.metadata_options[0].http_tokens == "required" && i.root_block_device[0].encrypted])
    error_message = "plain instances"
  }
}

run "route_three_nodes_without_a_table" {
  variables {
    lease_table     = null
    route_table_ids = { a = "rtb-0123456789abcdef0", b = "rtb-0123456789abcdef1" }
    nodes = {
      lb-1 = { subnet = "a", address = "192.0.2.10", priority = 100 }
      lb-2 = { subnet = "b", address = "192.0.2.70", priority = 200 }
      lb-3 = { subnet = "c", address = "192.0.2.130", priority = 50 }
    }
    routers = { web = { vrid = 51, move = "route", addresses = ["198.51.100.7/32", "198.51.100.8/32"] } }
  }
  assert {
    condition     = length(aws_route.moved) == 4 && aws_route.moved["b 198.51.100.8"].destination_cidr_block == "198.51.100.8/32"
    error_message = "a route for each address and table"
  }
  assert {
    condition     = alltrue([for i in aws_network_interface.slot : !i.source_dest_check])
    error_message = "the source/destination check must be off"
  }
  assert {
    condition     = length(aws_dynamodb_table.lease) == 0 && length(yamldecode(output.vicar_yaml).nodes) == 3 && yamldecode(output.vicar_yaml).guard == { kind = "quorum" }
    error_message = "three nodes need no table"
  }
}

run "route_ipv6_with_destinations_and_a_witness" {
  variables {
    lease_table     = null
    route_table_ids = { a = "rtb-0123456789abcdef0" }
    vpc             = { id = "vpc-0123456789abcdef0", cidr_blocks = ["192.0.2.0/24", "2001:db8:1::/56"] }
    nodes = {
      fw-1    = { subnet = "a", address = "192.0.2.10", ipv6_address = "2001:db8:1::10" }
      fw-2    = { subnet = "b", address = "192.0.2.70", ipv6_address = "2001:db8:1::70" }
      arbiter = { subnet = "c", address = "192.0.2.130", witness = true }
    }
    routers = { nat = {
      vrid         = 51, move = "route", addresses = ["198.51.100.7/32", "2001:db8:2::7/128"]
      destinations = [{ to = "0.0.0.0/0", route_table_ids = { a = "rtb-0123456789abcdef2", b = "rtb-0123456789abcdef3" } }]
    } }
  }
  assert {
    condition     = length(aws_route.moved) == 4 && aws_route.moved["a 2001:db8:2::7"].destination_ipv6_cidr_block == "2001:db8:2::7/128" && aws_route.moved["nat b 0.0.0.0/0"].destination_cidr_block == "0.0.0.0/0"
    error_message = "both families, and what goes along"
  }
  assert {
    condition     = yamldecode(output.vicar_yaml).aws.routes["198.51.100.7"][0].to == "0.0.0.0/0" && !contains(keys(yamldecode(output.vicar_yaml).aws.interfaces), "arbiter")
    error_message = "the configuration has what goes along, and no interface of the witness"
  }
  assert {
    condition     = aws_network_interface.slot["arbiter"].source_dest_check && aws_launch_template.node["arbiter"].instance_type == "t4g.nano"
    error_message = "a witness is small and forwards nothing"
  }
  assert {
    condition     = toset(keys(aws_iam_role.this)) == toset(["node", "witness"]) && length(jsondecode(aws_iam_role_policy.vicar["witness"].policy).Statement) == 1
    error_message = "a witness may fetch its key, and nothing else"
  }
}

run "elastic_ip_alone" {
  variables {
    nodes = {
      edge-1 = { subnet = "a", address = "192.0.2.10" }
      edge-2 = { subnet = "b", address = "192.0.2.70" }
    }
    routers = { edge = { vrid = 51, move = "eip" } }
  }
  assert {
    condition     = yamldecode(output.vicar_yaml).routers.edge.addresses == ["203.0.113.20/32"] && output.addresses.edge == tolist(["203.0.113.20"])
    error_message = "the router's address is the Elastic IP"
  }
  assert {
    condition     = length(aws_ec2_subnet_cidr_reservation.moved) == 0
    error_message = "nothing to reserve"
  }
}

run "endpoints_keys_and_the_rest" {
  variables {
    routers             = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"], track = ["haproxy"] } }
    peer_key            = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:vicar-AbCdEf", kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef" }
    endpoints           = { interfaces = ["ec2", "secretsmanager", "kms"], gateways = ["dynamodb", "s3"], route_table_ids = ["rtb-0123456789abcdef0"] }
    managed_policy_arns = { ssm = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" }
    ingress             = { https = { from_port = 443, cidr_ipv4 = "0.0.0.0/0" }, all = { protocol = "-1", security_group_id = "sg-0123456789abcdef1" } }
    lease_table         = { create = false, name = "lease" }
    account_id          = "111122223333"
    metadata_hop_limit  = 2
    control             = { http = "127.0.0.1:9112" }
    checks              = { haproxy = { http = "http://127.0.0.1/healthz", interval = "1s", weight = -60 } }
    setup_script        = "#!/bin/sh\napt-get -qq install haproxy\n"
    guard               = true
  }
  assert {
    condition     = length(aws_vpc_endpoint.interface) == 3 && length(aws_vpc_endpoint.gateway) == 2 && aws_vpc_endpoint.interface["ec2"].service_name == "com.amazonaws.eu-central-1.ec2"
    error_message = "an endpoint for each service"
  }
  assert {
    condition     = [for r in aws_vpc_security_group_ingress_rule.endpoints : r.cidr_ipv4] == ["192.0.2.0/24"]
    error_message = "the name leads the whole VPC to an endpoint, so that the whole VPC must be let in"
  }
  assert {
    condition     = strcontains(output.policy, "kms:Decrypt") && strcontains(output.policy, "secretsmanager:GetSecretValue") && !strcontains(output.policy, "ssm:") && strcontains(output.policy, "arn:aws:dynamodb:eu-central-1:111122223333:table/lease")
    error_message = "the policy permits to read the key where it is"
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.clients["https"].to_port == 443 && aws_vpc_security_group_ingress_rule.clients["all"].from_port == null
    error_message = "the clients' rules"
  }
  assert {
    condition     = length(aws_iam_role_policy_attachment.more) == 1 && length(aws_dynamodb_table.lease) == 0
    error_message = "policies of one's own, and a table that is there already"
  }
  assert {
    condition     = alltrue([for r in aws_vpc_security_group_ingress_rule.peer_link : r.from_port == 7946]) && aws_vpc_security_group_ingress_rule.vrrp.ip_protocol == "112"
    error_message = "VRRP and the peer link between the nodes"
  }
}

run "without_a_guard" {
  variables {
    guard       = false
    lease_table = null
  }
  assert {
    condition     = !contains(keys(yamldecode(output.vicar_yaml)), "guard") && output.lease_table == null
    error_message = "no guard, no table"
  }
}

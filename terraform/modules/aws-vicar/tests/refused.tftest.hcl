# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Each validation, by the mistake that it is for.
mock_provider "aws" {
  mock_resource "aws_eip" {
    defaults = { public_ip = "203.0.113.20" }
  }
  mock_resource "aws_iam_instance_profile" {
    defaults = { arn = "arn:aws:iam::111122223333:instance-profile/web-node" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
}

variables {
  name   = "web"
  region = "eu-central-1"
  vpc    = { id = "vpc-0123456789abcdef0", cidr_blocks = ["192.0.2.0/24"] }
  subnets = {
    a = { id = "subnet-0123456789abcdef0", cidr_block = "192.0.2.0/26", availability_zone = "eu-central-1a" }
    b = { id = "subnet-0123456789abcdef1", cidr_block = "192.0.2.64/26", availability_zone = "eu-central-1b" }
  }
  nodes = {
    lb-1 = { subnet = "a", address = "192.0.2.10" }
    lb-2 = { subnet = "a", address = "192.0.2.11" }
  }
  routers     = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"] } }
  peer_key    = { arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/web" }
  ami_id      = "ami-0123456789abcdef0"
  lease_table = {}
}

run "name_with_a_space" {
  command = plan
  variables {
    name = "a web"
  }
  expect_failures = [var.name]
}

run "region_as_a_zone" {
  command = plan
  variables {
    region = "eu-central-1a"
  }
  expect_failures = [var.region]
}

run "account_too_short" {
  command = plan
  variables {
    account_id = "1111"
  }
  expect_failures = [var.account_id]
}

run "vpc_without_a_block" {
  command = plan
  variables {
    vpc = { id = "vpc-0123456789abcdef0", cidr_blocks = [] }
  }
  expect_failures = [var.vpc]
}

run "subnet_without_a_block" {
  command = plan
  variables {
    subnets = { a = { id = "subnet-0123456789abcdef0", cidr_block = "192.0.2.0", availability_zone = "eu-central-1a" } }
  }
  expect_failures = [var.subnets]
}

run "one_node" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10" } }
  }
  expect_failures = [var.nodes]
}

run "two_witnesses" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10" }, w-1 = { subnet = "a", address = "192.0.2.11", witness = true }, w-2 = { subnet = "a", address = "192.0.2.12", witness = true } }
  }
  expect_failures = [var.nodes]
}

run "node_in_an_unknown_subnet" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "z", address = "192.0.2.10" }, lb-2 = { subnet = "a", address = "192.0.2.11" } }
  }
  expect_failures = [var.nodes]
}

run "node_outside_its_subnet" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.70" }, lb-2 = { subnet = "a", address = "192.0.2.11" } }
  }
  expect_failures = [var.nodes]
}

run "nodes_with_one_address" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10" }, lb-2 = { subnet = "a", address = "192.0.2.10" } }
  }
  expect_failures = [var.nodes]
}

run "priority_255" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10", priority = 255 }, lb-2 = { subnet = "a", address = "192.0.2.11", priority = 100 } }
  }
  expect_failures = [var.nodes]
}

run "one_priority" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10", priority = 150 }, lb-2 = { subnet = "a", address = "192.0.2.11" } }
  }
  expect_failures = [var.nodes]
}

run "equal_priorities" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10", priority = 150 }, lb-2 = { subnet = "a", address = "192.0.2.11", priority = 150 } }
  }
  expect_failures = [var.nodes]
}

run "node_with_a_bad_name" {
  command = plan
  variables {
    nodes = { lb_1 = { subnet = "a", address = "192.0.2.10" }, lb-2 = { subnet = "a", address = "192.0.2.11" } }
  }
  expect_failures = [var.nodes]
}

run "move_unknown" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "dns", addresses = ["192.0.2.40/26"] } }
  }
  expect_failures = [var.routers]
}

run "no_addresses" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip" } }
  }
  expect_failures = [var.routers]
}

run "eip_with_addresses" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "eip", addresses = ["203.0.113.7/32"] } }
  }
  expect_failures = [var.routers]
}

run "two_eip_routers" {
  command = plan
  variables {
    routers = { a = { vrid = 51, move = "eip" }, b = { vrid = 52, move = "eip" } }
  }
  expect_failures = [var.routers]
}

run "eip_that_takes_a_public_address" {
  command = plan
  variables {
    nodes   = { lb-1 = { subnet = "a", address = "192.0.2.10", public = true }, lb-2 = { subnet = "a", address = "192.0.2.11" } }
    routers = { web = { vrid = 51, move = "eip" } }
  }
  expect_failures = [var.routers]
}

run "address_without_a_length" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40"] } }
  }
  expect_failures = [var.routers]
}

run "overlay_with_a_subnets_length" {
  command = plan
  variables {
    routers         = { web = { vrid = 51, move = "route", addresses = ["198.51.100.7/24"] } }
    route_table_ids = { a = "rtb-0123456789abcdef0" }
  }
  expect_failures = [var.routers]
}

run "overlay_inside_the_vpc" {
  command = plan
  variables {
    routers         = { web = { vrid = 51, move = "route", addresses = ["192.0.2.200/32"] } }
    route_table_ids = { a = "rtb-0123456789abcdef0" }
  }
  expect_failures = [var.routers]
}

run "ipv6_overlay_inside_the_vpc" {
  command = plan
  variables {
    vpc             = { id = "vpc-0123456789abcdef0", cidr_blocks = ["192.0.2.0/24", "2001:db8:1::/56"] }
    routers         = { web = { vrid = 51, move = "route", addresses = ["2001:db8:1::7/128"] } }
    route_table_ids = { a = "rtb-0123456789abcdef0" }
  }
  expect_failures = [var.routers]
}

run "route_without_tables" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "route", addresses = ["198.51.100.7/32"] } }
  }
  expect_failures = [var.routers]
}

run "secondary_ip_over_zones" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10" }, lb-2 = { subnet = "b", address = "192.0.2.70" } }
  }
  expect_failures = [var.routers]
}

run "secondary_ip_of_another_subnet" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.100/26"] } }
  }
  expect_failures = [var.routers]
}

run "secondary_ip_of_ipv6" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["2001:db8::40/64"] } }
  }
  expect_failures = [var.routers]
}

run "elastic_ip_of_a_route" {
  command = plan
  variables {
    routers         = { web = { vrid = 51, move = "route", addresses = ["198.51.100.7/32"], elastic_ip = true } }
    route_table_ids = { a = "rtb-0123456789abcdef0" }
  }
  expect_failures = [var.routers]
}

run "destinations_of_a_secondary_ip" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"], destinations = [{ to = "0.0.0.0/0", route_table_ids = { a = "rtb-0123456789abcdef0" } }] } }
  }
  expect_failures = [var.routers]
}

run "vrid_256" {
  command = plan
  variables {
    routers = { web = { vrid = 256, move = "secondary-ip", addresses = ["192.0.2.40/26"] } }
  }
  expect_failures = [var.routers]
}

run "table_named_twice" {
  command = plan
  variables {
    route_table_ids = { a = "rtb-0123456789abcdef0", b = "rtb-0123456789abcdef0" }
  }
  expect_failures = [var.route_table_ids]
}

run "guard_of_two" {
  command = plan
  variables {
    lease_table = null
  }
  expect_failures = [var.guard]
}

run "table_without_a_name" {
  command = plan
  variables {
    lease_table = { create = false }
  }
  expect_failures = [var.lease_table]
}

run "table_beside_three" {
  command = plan
  variables {
    nodes = { lb-1 = { subnet = "a", address = "192.0.2.10" }, lb-2 = { subnet = "a", address = "192.0.2.11" }, lb-3 = { subnet = "a", address = "192.0.2.12" } }
  }
  expect_failures = [var.lease_table]
}

run "key_in_clear" {
  command = plan
  variables {
    peer_key = { arn = "c2VjcmV0" }
  }
  expect_failures = [var.peer_key]
}

run "kms_alias" {
  command = plan
  variables {
    peer_key = { arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/vicar/web", kms_key_arn = "alias/vicar" }
  }
  expect_failures = [var.peer_key]
}

run "port_0" {
  command = plan
  variables {
    peer_port = 0
  }
  expect_failures = [var.peer_port]
}

run "image_by_name" {
  command = plan
  variables {
    ami_id = "debian-12"
  }
  expect_failures = [var.ami_id]
}

run "package_by_http" {
  command = plan
  variables {
    package = { url = "http://packages.example.org/vicar.deb", sha256 = "0000000000000000000000000000000000000000000000000000000000000000" }
  }
  expect_failures = [var.package]
}

run "package_with_a_short_sum" {
  command = plan
  variables {
    package = { url = "https://packages.example.org/vicar.deb", sha256 = "0000" }
  }
  expect_failures = [var.package]
}

run "setup_without_an_interpreter" {
  command = plan
  variables {
    setup_script = "apt-get install haproxy"
  }
  expect_failures = [var.setup_script]
}

run "rule_without_a_source" {
  command = plan
  variables {
    ingress = { https = { from_port = 443 } }
  }
  expect_failures = [var.ingress]
}

run "rule_without_a_port" {
  command = plan
  variables {
    ingress = { https = { cidr_ipv4 = "0.0.0.0/0" } }
  }
  expect_failures = [var.ingress]
}

run "gateway_of_ec2" {
  command = plan
  variables {
    endpoints = { gateways = ["ec2"], route_table_ids = ["rtb-0123456789abcdef0"] }
  }
  expect_failures = [var.endpoints]
}

run "gateway_without_tables" {
  command = plan
  variables {
    endpoints = { gateways = ["dynamodb"] }
  }
  expect_failures = [var.endpoints]
}

run "hop_limit_3" {
  command = plan
  variables {
    metadata_hop_limit = 3
  }
  expect_failures = [var.metadata_hop_limit]
}

run "zone_of_another_region" {
  command = plan
  variables {
    region = "eu-west-1"
  }
  expect_failures = [var.subnets]
}

run "interval_without_a_unit" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"], advert_interval = "100" } }
  }
  expect_failures = [var.routers]
}

run "track_of_an_unknown_check" {
  command = plan
  variables {
    routers = { web = { vrid = 51, move = "secondary-ip", addresses = ["192.0.2.40/26"], track = ["haprxy"] } }
  }
  expect_failures = [var.routers]
}

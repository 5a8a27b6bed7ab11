# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# What moves. Terraform makes it and never says where it is: that vicar writes, so a
# plan after a failover is empty.
locals {
  # Overlay addresses by table: one route each. The tables go by their names, since
  # their ids may not be known before the apply. None of two keys is lost: a key that
  # comes twice is an error.
  overlays = flatten([for name, r in local.moves_by["route"] : [for table, id in var.route_table_ids : [for a in r.addresses : {
    key   = "${table} ${split("/", a)[0]}"
    table = id
    to    = "${split("/", a)[0]}/${strcontains(a, ":") ? 128 : 32}"
  }]]])

  # Further destinations that go along with a router's first address.
  along = { for name, r in local.moves_by["route"] : split("/", r.addresses[0])[0] => [
    for d in r.destinations : { to = d.to, tables = values(d.route_table_ids) }
  ] if length(r.destinations) > 0 }
  followers = flatten([for name, r in local.moves_by["route"] : [for d in r.destinations : [for table, id in d.route_table_ids : {
    key   = "${name} ${table} ${d.to}"
    table = id
    to    = d.to
  }]]])

  # Elastic IPs: one for each private address, and one for a router that is nothing
  # else. The key's second part is the private address.
  wanted_elastic_ips = merge(
    { for name in keys(local.moves_by["eip"]) : "${name}/" => "" },
    [for name, r in local.moves_by["secondary-ip"] : { for a in r.addresses : "${name}/${split("/", a)[0]}" => split("/", a)[0] } if r.elastic_ip]...
  )
  elastic_ips = { for key, private in local.wanted_elastic_ips : key => {
    private   = private
    id        = aws_eip.moved[key].allocation_id
    public_ip = aws_eip.moved[key].public_ip
  } }
  allocations = { for key, e in local.elastic_ips : (e.private == "" ? e.public_ip : e.private) => e.id }
}

resource "aws_route" "moved" {
  for_each = { for r in concat(local.overlays, local.followers) : r.key => r }

  route_table_id              = each.value.table
  destination_cidr_block      = strcontains(each.value.to, ":") ? null : each.value.to
  destination_ipv6_cidr_block = strcontains(each.value.to, ":") ? each.value.to : null
  network_interface_id        = aws_network_interface.slot[local.preferred].id

  lifecycle {
    ignore_changes = [network_interface_id]
  }
}

# Never aws_eip_association, and no instance or network_interface here.
resource "aws_eip" "moved" {
  for_each = local.wanted_elastic_ips

  domain = "vpc"
  tags   = merge(local.tags, { Name = "${var.name}-${trimsuffix(each.key, "/")}" })
}

# EC2 gives an address that is reserved to no other machine.
resource "aws_ec2_subnet_cidr_reservation" "moved" {
  for_each = toset(flatten([for r in local.moves_by["secondary-ip"] : [for a in r.addresses : split("/", a)[0]]]))

  subnet_id        = local.subnet_of[local.preferred].id
  cidr_block       = "${each.key}/32"
  reservation_type = "explicit"
  description      = "vicar ${var.name}"
}

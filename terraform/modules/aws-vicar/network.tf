# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# A slot is a node's fixed place: an interface with the address by which the others
# know the node. It is attached to one instance at most, so an instance that takes
# a slot is that node, and votes in its place; no tag makes a voter.
resource "terraform_data" "slot" {
  for_each = var.nodes
  input    = [each.value.address, each.value.ipv6_address, local.subnet_of[each.key].id]
}

resource "aws_network_interface" "slot" {
  for_each = var.nodes

  description       = "vicar ${var.name}: ${each.key}"
  subnet_id         = local.subnet_of[each.key].id
  private_ips       = [each.value.address]
  ipv6_addresses    = each.value.ipv6_address == null ? null : [each.value.ipv6_address]
  security_groups   = concat([aws_security_group.nodes.id], var.security_group_ids)
  source_dest_check = !(local.routed && !each.value.witness)
  tags              = merge(local.tags, { Name = "${var.name}-${each.key}" })

  lifecycle {
    # A failover writes these. The primary address is the slot's own: with another
    # one it is another slot.
    ignore_changes       = [private_ips, private_ips_count, private_ip_list, ipv6_addresses, ipv6_address_count, ipv6_address_list]
    replace_triggered_by = [terraform_data.slot[each.key]]
  }
}

# What stays with a node. EC2 gives a public address to no machine whose interface was
# there before it.
resource "aws_eip" "own" {
  for_each = { for name, n in var.nodes : name => n if n.public }

  domain                    = "vpc"
  network_interface         = aws_network_interface.slot[each.key].id
  associate_with_private_ip = each.value.address
  tags                      = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_security_group" "nodes" {
  name_prefix = "${var.name}-vicar-"
  description = "vicar ${var.name}: nodes among themselves, and their clients"
  vpc_id      = var.vpc.id
  tags        = merge(local.tags, { Name = "${var.name}-vicar" })

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_ingress_rule" "vrrp" {
  security_group_id            = aws_security_group.nodes.id
  description                  = "VRRP adverts"
  ip_protocol                  = "112"
  referenced_security_group_id = aws_security_group.nodes.id
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "peer_link" {
  for_each = toset(["tcp", "udp"])

  security_group_id            = aws_security_group.nodes.id
  description                  = "vicar's peer link"
  ip_protocol                  = each.key
  from_port                    = var.peer_port
  to_port                      = var.peer_port
  referenced_security_group_id = aws_security_group.nodes.id
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.ingress

  security_group_id            = aws_security_group.nodes.id
  description                  = coalesce(each.value.description, each.key)
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.protocol == "-1" ? null : each.value.from_port
  to_port                      = each.value.protocol == "-1" ? null : coalesce(each.value.to_port, each.value.from_port)
  cidr_ipv4                    = each.value.cidr_ipv4
  cidr_ipv6                    = each.value.cidr_ipv6
  referenced_security_group_id = each.value.security_group_id
  tags                         = local.tags
}

resource "aws_vpc_security_group_egress_rule" "all" {
  for_each = { ipv4 = "0.0.0.0/0", ipv6 = "::/0" }

  security_group_id = aws_security_group.nodes.id
  description       = "out"
  ip_protocol       = "-1"
  cidr_ipv4         = each.key == "ipv4" ? each.value : null
  cidr_ipv6         = each.key == "ipv6" ? each.value : null
  tags              = local.tags
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# What the other files work with: the nodes, how each router moves, and the
# configuration that follows from both.
locals {
  holders   = { for name, n in var.nodes : name => n if !n.witness }
  witnesses = { for name, n in var.nodes : name => n if n.witness }

  # The one that is preferred stands first, unless priorities say otherwise.
  priorities = { for i, name in keys(local.holders) : name => coalesce(local.holders[name].priority, 150 - 50 * i) }
  preferred  = one([for name, p in local.priorities : name if p == max(values(local.priorities)...)])

  moves_by = { for kind in ["secondary-ip", "route", "eip"] : kind => { for name, r in var.routers : name => r if r.move == kind } }
  routed   = length(local.moves_by["route"]) > 0

  subnet_of = { for name, n in var.nodes : name => var.subnets[n.subnet] }
  tags      = merge({ "vicar:cluster" = var.name }, var.tags)
}

module "config" {
  source = "../config"

  cluster = var.name
  nodes = {
    for name, n in var.nodes : name => {
      addresses = compact([n.address, n.ipv6_address])
      priority  = n.witness ? null : local.priorities[name]
      witness   = n.witness
    }
  }
  transport = { kind = "unicast" }
  peer_link = { keys_from = var.peer_key.arn, keys_kms = var.peer_key.kms_key_arn, port = var.peer_port }
  guard     = var.guard ? merge({ kind = "quorum" }, local.voting_table == null ? {} : { table = local.voting_table }) : null
  routers = {
    for name, r in var.routers : name => {
      vrid            = r.vrid
      addresses       = r.move == "eip" ? ["${local.elastic_ips["${name}/"].public_ip}/32"] : r.addresses
      advert_interval = r.advert_interval
      preempt         = r.preempt
      listen          = r.listen
      track           = r.track
      on_loss         = r.on_loss
      damping         = r.damping
      move = {
        "secondary-ip" = r.elastic_ip ? ["aws-secondary-ip", "aws-eip", "kernel"] : ["aws-secondary-ip", "kernel"]
        "route"        = ["aws-route", "kernel"]
        "eip"          = ["aws-eip"]
      }[r.move]
    }
  }
  sync_groups = var.sync_groups
  checks      = var.checks
  hooks       = var.hooks
  control     = var.control
  aws = {
    for k, v in {
      region       = var.region
      account      = var.account_id
      interfaces   = { for name in keys(local.holders) : name => aws_network_interface.slot[name].id }
      route_tables = local.routed ? values(var.route_table_ids) : null
      routes       = length(local.along) == 0 ? null : local.along
      allocations  = length(local.allocations) == 0 ? null : local.allocations
    } : k => v if v != null
  }
}

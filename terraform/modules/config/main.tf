# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# The sections of vicar.yaml. What is null is left to vicar's defaults. The two results
# of a condition must be of one type, so values of several types go through JSON.
locals {
  nodes = {
    for name, n in var.nodes : name => {
      for k, v in {
        address  = jsondecode(length(n.addresses) == 1 ? jsonencode(n.addresses[0]) : jsonencode(n.addresses))
        priority = n.priority
        witness  = n.witness ? true : null
      } : k => v if v != null
    }
  }

  routers = {
    for name, r in var.routers : name => {
      for k, v in {
        vrid            = r.vrid
        interface       = jsondecode(r.interfaces != null ? jsonencode(r.interfaces) : jsonencode(r.interface))
        version         = r.version
        advert_interval = r.advert_interval
        addresses       = r.addresses
        exclude         = r.exclude
        priority        = r.priority
        preempt         = r.preempt == null ? null : jsondecode(contains(["true", "false"], r.preempt) ? r.preempt : jsonencode(r.preempt))
        checksum        = r.checksum
        announce        = local.announces[name]
        damping         = r.damping == null ? null : { for k, v in r.damping : k => v if v != null }
        listen          = r.listen
        on_loss         = r.on_loss
        track           = r.track
        move            = r.move == null ? null : [for m in r.move : jsondecode(startswith(m, "/") ? jsonencode({ exec = split(" ", m) }) : jsonencode(m))]
      } : k => v if v != null
    }
  }

  announces = {
    for name, r in var.routers : name => r.announce == null ? null : { for k, v in r.announce : k => v if v != null }
  }

  # In the manual's order, which is that of reading.
  order = ["cluster", "nodes", "transport", "peer_link", "guard", "announce", "routers", "sync_groups", "checks", "aws", "hooks", "control"]
  sections = {
    cluster     = var.cluster
    nodes       = local.nodes
    transport   = var.transport == null ? null : { for k, v in var.transport : k => v if v != null }
    peer_link   = var.peer_link == null ? null : { for k, v in var.peer_link : k => v if v != null }
    guard       = var.guard == null ? null : { for k, v in var.guard : k => v if v != null }
    announce    = var.announce == null ? null : { for k, v in var.announce : k => v if v != null }
    routers     = local.routers
    sync_groups = length(var.sync_groups) == 0 ? null : { for k, g in var.sync_groups : k => { for k, v in g : k => v if v != null } }
    checks      = length(var.checks) == 0 ? null : var.checks
    aws         = var.aws
    hooks       = length(var.hooks) == 0 ? null : var.hooks
    control     = var.control == null ? null : { for k, v in var.control : k => v if v != null }
  }

  yaml = join("\n", concat(
    ["# Made by the Terraform module vicar/config: change it there.\n"],
    [for s in local.order : yamlencode({ (s) = local.sections[s] }) if local.sections[s] != null],
  ))
}

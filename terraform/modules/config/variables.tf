# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

variable "cluster" {
  description = "A name for the nodes together. Status, metrics and logs show it."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$", var.cluster))
    error_message = "The cluster's name has letters, digits, -, _ and ., 64 at most, and does not begin with - or . ."
  }
}

variable "nodes" {
  description = "The hosts that take part, by name. addresses are their own, one per family or LAN. The highest priority holds the addresses; a witness votes and holds nothing."
  type = map(object({
    addresses = list(string)
    priority  = optional(number)
    witness   = optional(bool, false)
  }))
  validation {
    condition     = length(var.nodes) > 0 && alltrue([for n in var.nodes : length(n.addresses) > 0])
    error_message = "There is at least one node, and each has an address."
  }
  validation {
    condition     = alltrue(flatten([for n in var.nodes : [for a in n.addresses : can(cidrhost("${a}/${strcontains(a, ":") ? 128 : 32}", 0))]]))
    error_message = "A node's addresses are IP addresses without a prefix length."
  }
  validation {
    condition     = alltrue([for n in var.nodes : n.priority == null ? true : n.priority >= 1 && n.priority <= 255])
    error_message = "A priority is 1 to 255."
  }
  validation {
    condition     = alltrue([for n in var.nodes : !(n.witness && n.priority != null)])
    error_message = "A witness has no priority: it holds nothing."
  }
}

variable "routers" {
  description = "The virtual routers: addresses that move together, by name. preempt is \"true\", \"false\" or a duration; interface is a name or \"auto\", interfaces one for each node; a word in move that begins with / is a program of your own, with its arguments."
  type = map(object({
    vrid            = number
    addresses       = list(string)
    exclude         = optional(list(string))
    interface       = optional(string)
    interfaces      = optional(map(string))
    version         = optional(number)
    advert_interval = optional(string)
    priority        = optional(map(number))
    preempt         = optional(string)
    checksum        = optional(string)
    track           = optional(list(string))
    listen          = optional(string)
    on_loss         = optional(string)
    move            = optional(list(string))
    announce = optional(object({
      repeat  = optional(number)
      delay   = optional(string)
      refresh = optional(string)
      rate    = optional(number)
    }))
    damping = optional(object({
      moves  = optional(number)
      within = optional(string)
      hold   = optional(string)
    }))
  }))
  validation {
    condition     = length(var.routers) > 0
    error_message = "There is at least one router."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.vrid >= 1 && r.vrid <= 255])
    error_message = "A VRID is 1 to 255."
  }
  validation {
    condition     = alltrue(flatten([for r in var.routers : [for a in concat(r.addresses, coalesce(r.exclude, [])) : can(cidrhost(a, 0))]]))
    error_message = "A router's addresses have a prefix length, as in 192.0.2.100/24."
  }
  validation {
    condition     = alltrue([for r in var.routers : length(r.addresses) > 0])
    error_message = "A router has an address."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.interface == null || r.interfaces == null])
    error_message = "A router has interface or interfaces, not both."
  }
}

variable "transport" {
  description = "How adverts travel: kind is multicast, unicast or gossip. Null: multicast."
  type = object({
    kind    = string
    ttl_min = optional(string)
  })
  default = null
  validation {
    condition     = var.transport == null ? true : contains(["multicast", "unicast", "gossip"], var.transport.kind)
    error_message = "transport.kind is multicast, unicast or gossip."
  }
}

variable "peer_link" {
  description = "The encrypted link between the nodes. keys_from is the ARN of an SSM parameter or a secret that has the keys, keys_kms that of the key which encrypts it."
  type = object({
    keys_file = optional(string, "/etc/vicar/keys")
    port      = optional(number)
    keys_from = optional(string)
    keys_kms  = optional(string)
  })
  default = null
}

variable "guard" {
  description = "Never two holders: kind is quorum or none. Needs peer_link, and three nodes, or two and a table in AWS."
  type = object({
    kind      = string
    on_loss   = optional(string)
    max_lease = optional(string)
    fence     = optional(string)
    table     = optional(string)
  })
  default = null
  validation {
    condition     = var.guard == null ? true : contains(["quorum", "none"], var.guard.kind)
    error_message = "guard.kind is quorum or none."
  }
  validation {
    condition     = try(var.guard.kind, "none") == "none" || var.peer_link != null
    error_message = "The guard needs peer_link."
  }
  validation {
    condition     = try(var.guard.kind, "none") == "none" || length(var.nodes) >= 3 || (length(var.nodes) == 2 && try(var.guard.table, null) != null)
    error_message = "The guard needs three nodes (a witness counts), or two and a table."
  }
}

variable "announce" {
  description = "How neighbours are told where an address is."
  type = object({
    repeat  = optional(number)
    delay   = optional(string)
    refresh = optional(string)
    rate    = optional(number)
  })
  default = null
}

variable "sync_groups" {
  description = "Routers that move together, by the group's name."
  type = map(object({
    routers = list(string)
    track   = optional(list(string))
  }))
  default = {}
  validation {
    condition     = alltrue(flatten([for g in var.sync_groups : [for r in g.routers : contains(keys(var.routers), r)]]))
    error_message = "A sync group's routers are in routers."
  }
}

variable "checks" {
  description = "What moves the election, by name, with the keys of vicar.yaml: {haproxy = {http = \"http://127.0.0.1/healthz\", interval = \"1s\", weight = -60}}."
  type        = any
  default     = {}
}

variable "aws" {
  description = "The section aws, with the keys of vicar.yaml."
  type        = any
  default     = null
}

variable "hooks" {
  description = "Who is told of a change, with the keys of vicar.yaml: [{on = [\"active\"], exec = [\"/usr/local/bin/on-change\"]}]."
  type        = any
  default     = []
}

variable "control" {
  description = "Where the agent can be talked to: socket is a path, http an address and port for status and metrics."
  type = object({
    socket = optional(string)
    http   = optional(string)
  })
  default = null
}

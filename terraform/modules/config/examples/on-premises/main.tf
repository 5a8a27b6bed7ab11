# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Three hosts of your own, from one list of peers. An apply writes vicar.yaml; how it
# gets to the hosts (Ansible, scp, a package) is yours.
terraform {
  required_version = ">= 1.9"
}

variable "file" {
  description = "Where the configuration is written."
  type        = string
  default     = "vicar.yaml"
}

variable "peers" {
  description = "The hosts' own addresses by name, the preferred one first."
  type        = list(object({ name = string, address = string }))
  default = [
    { name = "lb-1", address = "192.0.2.10" },
    { name = "lb-2", address = "192.0.2.11" },
    { name = "lb-3", address = "192.0.2.12" },
  ]
}

module "config" {
  source = "../.."

  cluster   = "web"
  nodes     = { for i, p in var.peers : p.name => { addresses = [p.address], priority = 200 - 50 * i } }
  transport = { kind = "unicast" }
  peer_link = {}
  guard     = { kind = "quorum" }
  routers = {
    web = {
      vrid            = 51
      advert_interval = "100ms"
      addresses       = ["192.0.2.100/24"]
      preempt         = "30s"
      track           = ["haproxy", "uplink"]
    }
  }
  checks = {
    haproxy = { http = "http://127.0.0.1/healthz", interval = "1s", timeout = "500ms", fall = 2, weight = -120 }
    uplink  = { icmp = "192.0.2.1", interval = "500ms", weight = "fault" }
  }
}

resource "terraform_data" "file" {
  triggers_replace = [module.config.yaml, var.file]

  provisioner "local-exec" {
    command     = "printf %s \"$VICAR_YAML\" > \"$FILE\""
    environment = { VICAR_YAML = module.config.yaml, FILE = var.file }
  }
}

output "nodes" {
  description = "The hosts that need the file."
  value       = module.config.nodes
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

output "yaml" {
  description = "The text of vicar.yaml, the same for all nodes."
  value       = local.yaml
}

output "nodes" {
  description = "The names of the nodes."
  value       = sort(keys(var.nodes))
}

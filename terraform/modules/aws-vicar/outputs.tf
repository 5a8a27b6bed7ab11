# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

output "addresses" {
  description = "By router, the addresses that clients use."
  value       = { for name, r in var.routers : name => r.move == "eip" ? [local.elastic_ips["${name}/"].public_ip] : [for a in r.addresses : split("/", a)[0]] }
}

output "elastic_ips" {
  description = "By router and private address (empty where the Elastic IP is all that moves), the Elastic IPs."
  value       = { for key, e in local.elastic_ips : key => { allocation_id = e.id, public_ip = e.public_ip } }
}

output "network_interface_ids" {
  description = "By node, its slot's interface."
  value       = { for name, i in aws_network_interface.slot : name => i.id }
}

output "security_group_id" {
  description = "The nodes' security group, for rules of your own."
  value       = aws_security_group.nodes.id
}

output "role_names" {
  description = "The IAM roles, by what they are for (node, witness)."
  value       = { for kind, r in aws_iam_role.this : kind => r.name }
}

output "policy" {
  description = "The nodes' IAM policy: what vicar doctor --policy prints for vicar_yaml."
  value       = local.policies.node
}

output "lease_table" {
  description = "The DynamoDB table that votes, or null."
  value       = local.voting_table
}

output "vicar_yaml" {
  description = "The nodes' configuration. It has no secret."
  value       = module.config.yaml
}

output "user_data" {
  description = "By node, the script that sets it up at its first start."
  value       = local.user_data
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# The third voter of two nodes that have no third machine.
locals {
  voting_table = var.guard && var.lease_table != null ? (var.lease_table.create ? aws_dynamodb_table.lease[0].name : var.lease_table.name) : null
}

resource "aws_dynamodb_table" "lease" {
  count = try(var.lease_table.create, false) ? 1 : 0

  name                        = coalesce(var.lease_table.name, "${var.name}-vicar-lease")
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "resource"
  deletion_protection_enabled = var.lease_table.deletion_protection
  tags                        = local.tags

  attribute {
    name = "resource"
    type = "S"
  }
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# The nodes may do what vicar does here and nothing else. It is what
# `vicar doctor --policy` prints for the configuration: a test compares them.
locals {
  partition = startswith(var.region, "cn-") ? "aws-cn" : startswith(var.region, "us-gov-") ? "aws-us-gov" : "aws"
  ec2       = "arn:${local.partition}:ec2:${var.region}:${coalesce(var.account_id, "*")}"
  secondary = length(local.moves_by["secondary-ip"]) > 0
  eips      = length(local.wanted_elastic_ips) > 0

  interface_arns = [for name in keys(local.holders) : "${local.ec2}:network-interface/${aws_network_interface.slot[name].id}"]
  written_tables = distinct(concat(local.routed ? values(var.route_table_ids) : [], sort(flatten([for d in values(local.along) : d[*].tables]))))

  keys_in_ssm = length(regexall(":ssm:", var.peer_key.arn)) > 0
  key_statements = concat(
    [{
      Sid      = "Keys"
      Effect   = "Allow"
      Action   = [local.keys_in_ssm ? "ssm:GetParameter" : "secretsmanager:GetSecretValue"]
      Resource = [var.peer_key.arn]
    }],
    var.peer_key.kms_key_arn == null ? [] : [{
      Sid      = "KeysKMS"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = [var.peer_key.kms_key_arn]
    }],
  )

  statements = concat(
    [{
      Sid    = "Read"
      Effect = "Allow"
      Action = sort(concat(
        ["ec2:DescribeNetworkInterfaces"],
        local.secondary ? ["ec2:DescribeInstanceTypes"] : [],
        local.routed ? ["ec2:DescribeRouteTables"] : [],
        local.eips ? ["ec2:DescribeAddresses"] : [],
      ))
      Resource  = ["*"]
      Condition = { StringEquals = { "aws:RequestedRegion" = var.region } }
    }],
    [for s in [{
      Sid      = "Routes"
      Effect   = "Allow"
      Action   = ["ec2:CreateRoute", "ec2:ReplaceRoute"]
      Resource = [for id in local.written_tables : "${local.ec2}:route-table/${id}"]
    }] : s if local.routed],
    [for s in [{
      Sid      = "SecondaryIPs"
      Effect   = "Allow"
      Action   = ["ec2:AssignPrivateIpAddresses"]
      Resource = local.interface_arns
    }] : s if local.secondary],
    [for s in [
      {
        Sid      = "ElasticIPs"
        Effect   = "Allow"
        Action   = ["ec2:AssociateAddress"]
        Resource = [for e in values(local.elastic_ips) : "${local.ec2}:elastic-ip/${e.id}"]
      },
      {
        Sid      = "ElasticIPsInterfaces"
        Effect   = "Allow"
        Action   = ["ec2:AssociateAddress"]
        Resource = local.interface_arns
      },
      {
        Sid      = "ElasticIPsInstances"
        Effect   = "Allow"
        Action   = ["ec2:AssociateAddress"]
        Resource = ["${local.ec2}:instance/*"]
      },
    ] : s if local.eips],
    [for name in compact([local.voting_table]) : {
      Sid      = "Tables"
      Effect   = "Allow"
      Action   = ["dynamodb:GetItem", "dynamodb:PutItem"]
      Resource = ["arn:${local.partition}:dynamodb:${var.region}:${coalesce(var.account_id, "*")}:table/${name}"]
      # The table may be that of other clusters, too.
      Condition = { "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "${var.name}/*" } }
    }],
    local.key_statements,
  )

  policies = {
    node    = jsonencode({ Version = "2012-10-17", Statement = local.statements })
    witness = jsonencode({ Version = "2012-10-17", Statement = local.key_statements })
  }
  roles = toset(concat(["node"], length(local.witnesses) > 0 ? ["witness"] : []))
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name_prefix          = "${substr(var.name, 0, 20)}-${each.key}-"
  description          = "vicar ${var.name}: ${each.key}"
  permissions_boundary = var.permissions_boundary
  tags                 = local.tags
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.${local.partition == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"}" }
    }]
  })
}

resource "aws_iam_role_policy" "vicar" {
  for_each = local.roles

  name   = "vicar"
  role   = aws_iam_role.this[each.key].id
  policy = local.policies[each.key]
}

resource "aws_iam_role_policy_attachment" "more" {
  for_each = { for pair in setproduct(local.roles, keys(var.managed_policy_arns)) : "${pair[0]} ${pair[1]}" => { role = pair[0], arn = var.managed_policy_arns[pair[1]] } }

  role       = aws_iam_role.this[each.value.role].name
  policy_arn = each.value.arn
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.roles

  name_prefix = "${substr(var.name, 0, 20)}-${each.key}-"
  role        = aws_iam_role.this[each.key].name
  tags        = local.tags
}

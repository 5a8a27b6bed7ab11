# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# The way to AWS for subnets that have no other: a standby that can't reach EC2 can't
# take over.
locals {
  interface_endpoints = toset([for service in var.endpoints.interfaces : service])
  gateway_endpoints   = toset([for service in var.endpoints.gateways : service])
}

resource "aws_vpc_endpoint" "interface" {
  for_each = local.interface_endpoints

  vpc_id              = var.vpc.id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = distinct([for s in local.subnet_of : s.id])
  security_group_ids  = [aws_security_group.endpoints[0].id]
  private_dns_enabled = true
  tags                = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.gateway_endpoints

  vpc_id            = var.vpc.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.endpoints.route_table_ids
  tags              = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_security_group" "endpoints" {
  count = length(local.interface_endpoints) > 0 ? 1 : 0

  name_prefix = "${var.name}-vicar-endpoints-"
  description = "vicar ${var.name}: HTTPS from the VPC"
  vpc_id      = var.vpc.id
  tags        = merge(local.tags, { Name = "${var.name}-vicar-endpoints" })

  lifecycle {
    create_before_destroy = true
  }
}

# By the private name the whole VPC asks an endpoint from now on. Let only the nodes
# in, and every other machine there loses its way to the service.
resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count = length(local.interface_endpoints) > 0 ? length(var.vpc.cidr_blocks) : 0

  security_group_id = aws_security_group.endpoints[0].id
  description       = "HTTPS from the VPC"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = strcontains(var.vpc.cidr_blocks[count.index], ":") ? null : var.vpc.cidr_blocks[count.index]
  cidr_ipv6         = strcontains(var.vpc.cidr_blocks[count.index], ":") ? var.vpc.cidr_blocks[count.index] : null
  tags              = local.tags
}

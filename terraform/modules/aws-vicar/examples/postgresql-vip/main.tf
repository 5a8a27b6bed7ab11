# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# One address for a PostgreSQL primary that Patroni elects among three hosts in three
# zones: the address follows the primary. Clients in the VPC reach it by its route. The
# subnets are private, and have a way out (a NAT) for the package and to AWS.
terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.47, < 7"
    }
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "The region."
  type        = string
  default     = "eu-central-1"
}

variable "ami_id" {
  description = "A Debian 12 image of the instances' architecture (arm64)."
  type        = string
}

variable "package" {
  description = "The vicar package for it."
  type        = object({ url = string, sha256 = string })
}

variable "peer_key_arn" {
  description = "The SSM parameter with the peer key: vicar keygen --out - | aws ssm put-parameter --type SecureString --name /vicar/... --value file:///dev/stdin"
  type        = string
}

variable "vpc" {
  description = "The VPC and its CIDR blocks."
  type        = object({ id = string, cidr_blocks = list(string) })
}

variable "database_subnets" {
  description = "A subnet for each host, in three zones; address is the host's in it."
  type        = list(object({ id = string, cidr_block = string, availability_zone = string, address = string }))
  validation {
    condition     = length(var.database_subnets) == 3
    error_message = "Three hosts take three subnets."
  }
}

variable "route_table_ids" {
  description = "The tables of all subnets with clients, and of the hosts' own, by a name of yours."
  type        = map(string)
}

variable "overlay_address" {
  description = "An address outside the VPC: the database's."
  type        = string
}

variable "setup_script" {
  description = "Installs PostgreSQL and Patroni, whose REST API answers at 127.0.0.1:8008. Empty: they are in the image."
  type        = string
  default     = ""
}

locals {
  names = ["db-1", "db-2", "db-3"]
}

module "vicar" {
  source = "../.."

  name    = "postgresql"
  region  = var.region
  vpc     = var.vpc
  subnets = { for i, name in local.names : name => { for k, v in var.database_subnets[i] : k => v if k != "address" } }
  nodes   = { for i, name in local.names : name => { subnet = name, address = var.database_subnets[i].address } }
  routers = {
    db = {
      vrid      = 51
      move      = "route"
      addresses = ["${var.overlay_address}/32"]
      track     = ["primary"]
    }
  }
  route_table_ids = var.route_table_ids
  # Patroni answers 200 on the primary alone: the others take no part.
  checks = {
    primary = { http = "http://127.0.0.1:8008/primary", interval = "500ms", timeout = "300ms", rise = 1, fall = 2, weight = "fault" }
  }
  setup_script = var.setup_script

  peer_key = { arn = var.peer_key_arn }
  ami_id   = var.ami_id
  package  = var.package
  ingress = { for i, c in var.vpc.cidr_blocks : "postgresql-${i}" => {
    from_port = 5432, cidr_ipv4 = strcontains(c, ":") ? null : c, cidr_ipv6 = strcontains(c, ":") ? c : null
  } }
}

output "address" {
  description = "The database's."
  value       = module.vicar.addresses.db[0]
}

output "vicar_yaml" {
  description = "The nodes' configuration."
  value       = module.vicar.vicar_yaml
}

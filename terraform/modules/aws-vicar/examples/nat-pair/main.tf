# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Two NAT instances in two zones, and a witness in a third. The default route of the
# private subnets follows the overlay address. The nodes are in public subnets, with
# Elastic IPs of their own: their way to EC2 must not be the one that they move.
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

variable "public_subnets" {
  description = "A subnet for each node, in three zones; address is the node's in it."
  type        = list(object({ id = string, cidr_block = string, availability_zone = string, address = string }))
  validation {
    condition     = length(var.public_subnets) == 3
    error_message = "Two NAT instances and a witness take three subnets."
  }
}

variable "private_route_table_ids" {
  description = "The tables whose default route the NAT is. None of the nodes' own subnets. By a name of yours."
  type        = map(string)
}

variable "public_route_table_ids" {
  description = "The tables of the nodes' own subnets, for the overlay address, which has to be somewhere. By a name of yours."
  type        = map(string)
}

variable "overlay_address" {
  description = "An address outside the VPC, which the default routes follow."
  type        = string
}

variable "internet_probe" {
  description = "An address and port outside by which a NAT instance tells that its way out works."
  type        = string
}

locals {
  names = ["nat-1", "nat-2", "witness"]
}

module "vicar" {
  source = "../.."

  name    = "nat"
  region  = var.region
  vpc     = var.vpc
  subnets = { for i, name in local.names : name => { for k, v in var.public_subnets[i] : k => v if k != "address" } }
  nodes = {
    for i, name in local.names : name => { subnet = name, address = var.public_subnets[i].address, witness = name == "witness", public = true }
  }
  routers = {
    nat = {
      vrid         = 51
      move         = "route"
      addresses    = ["${var.overlay_address}/32"]
      destinations = [{ to = "0.0.0.0/0", route_table_ids = var.private_route_table_ids }]
      preempt      = "30s"
      track        = ["internet"]
    }
  }
  route_table_ids = var.public_route_table_ids
  checks = {
    # A weight, and not fault: when nobody reaches it, it is not the NAT that fails.
    internet = { tcp = var.internet_probe, interval = "1s", timeout = "800ms", fall = 3, weight = -60 }
  }
  setup_script = <<-EOT
    #!/bin/sh
    set -eu
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq -y install nftables
    echo 'net.ipv4.ip_forward = 1' >/etc/sysctl.d/60-nat.conf
    sysctl -q -p /etc/sysctl.d/60-nat.conf
    cat >/etc/nftables.conf <<'NFT'
    flush ruleset
    table ip nat {
      chain postrouting {
        type nat hook postrouting priority srcnat
        oifname != "lo" masquerade
      }
    }
    NFT
    systemctl enable nftables
    systemctl restart nftables
  EOT

  peer_key = { arn = var.peer_key_arn }
  ami_id   = var.ami_id
  package  = var.package
  ingress = { for i, c in var.vpc.cidr_blocks : "vpc-${i}" => {
    protocol = "-1", cidr_ipv4 = strcontains(c, ":") ? null : c, cidr_ipv6 = strcontains(c, ":") ? c : null
  } }
}

output "vicar_yaml" {
  description = "The nodes' configuration."
  value       = module.vicar.vicar_yaml
}

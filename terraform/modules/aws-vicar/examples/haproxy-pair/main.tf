# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Two haproxy hosts in one zone with one public address. Both private address and
# Elastic IP move with a single request; a DynamoDB table is the third voter. The subnet
# is public, and each host has an Elastic IP of its own for its way out.
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

variable "subnet" {
  description = "The subnet of both hosts. .10 and .11 are theirs, .100 the one that moves."
  type        = object({ id = string, cidr_block = string, availability_zone = string })
}

locals {
  prefix = split("/", var.subnet.cidr_block)[1]
}

module "vicar" {
  source = "../.."

  name    = "haproxy"
  region  = var.region
  vpc     = var.vpc
  subnets = { a = var.subnet }
  nodes = {
    lb-1 = { subnet = "a", address = cidrhost(var.subnet.cidr_block, 10), public = true }
    lb-2 = { subnet = "a", address = cidrhost(var.subnet.cidr_block, 11), public = true }
  }
  lease_table = {}
  routers = {
    web = {
      vrid       = 51
      move       = "secondary-ip"
      addresses  = ["${cidrhost(var.subnet.cidr_block, 100)}/${local.prefix}"]
      elastic_ip = true
      preempt    = "30s"
      track      = ["haproxy"]
    }
  }
  checks = {
    haproxy = { http = "http://127.0.0.1:8404/healthz", interval = "500ms", timeout = "300ms", fall = 2, weight = -60 }
  }
  setup_script = <<-EOT
    #!/bin/sh
    set -eu
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq -y install haproxy
    cat >/etc/haproxy/haproxy.cfg <<'CFG'
    defaults
      mode http
      timeout connect 2s
      timeout client 30s
      timeout server 30s
    frontend health
      bind 127.0.0.1:8404
      monitor-uri /healthz
    frontend web
      bind :80
      default_backend web
    backend web
      http-request return status 200 content-type text/plain string "it works"
    CFG
    systemctl enable haproxy
    systemctl restart haproxy
  EOT

  peer_key = { arn = var.peer_key_arn }
  ami_id   = var.ami_id
  package  = var.package
  ingress  = { http = { from_port = 80, cidr_ipv4 = "0.0.0.0/0" } }
}

output "elastic_ips" {
  description = "What clients on the internet use."
  value       = [for e in module.vicar.elastic_ips : e.public_ip]
}

output "vicar_yaml" {
  description = "The nodes' configuration."
  value       = module.vicar.vicar_yaml
}

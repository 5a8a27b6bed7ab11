# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

locals {
  user_data = { for name, n in var.nodes : name => templatefile("${path.module}/templates/user-data.sh.tftpl", {
    cluster = var.name
    node    = name
    url     = try(var.package.url, "")
    sha256  = try(var.package.sha256, "")
    config  = base64encode(module.config.yaml)
    setup   = base64encode(n.witness ? "" : var.setup_script)
  }) }
}

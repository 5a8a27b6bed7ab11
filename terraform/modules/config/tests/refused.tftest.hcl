# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

# Each validation, by the mistake that it is for.
variables {
  cluster = "web"
  nodes = {
    lb-1 = { addresses = ["192.0.2.10"], priority = 150 }
    lb-2 = { addresses = ["192.0.2.11"], priority = 100 }
  }
  routers = {
    web = { vrid = 51, addresses = ["192.0.2.100/24"] }
  }
}

run "cluster_with_a_space" {
  command = plan
  variables {
    cluster = "a web"
  }
  expect_failures = [var.cluster]
}

run "no_node" {
  command = plan
  variables {
    nodes = {}
  }
  expect_failures = [var.nodes]
}

run "node_without_an_address" {
  command = plan
  variables {
    nodes = { lb-1 = { addresses = [] } }
  }
  expect_failures = [var.nodes]
}

run "node_with_a_prefix" {
  command = plan
  variables {
    nodes = { lb-1 = { addresses = ["192.0.2.10/24"] } }
  }
  expect_failures = [var.nodes]
}

run "priority_too_high" {
  command = plan
  variables {
    nodes = { lb-1 = { addresses = ["192.0.2.10"], priority = 256 } }
  }
  expect_failures = [var.nodes]
}

run "witness_with_a_priority" {
  command = plan
  variables {
    nodes = { lb-1 = { addresses = ["192.0.2.10"], priority = 1, witness = true } }
  }
  expect_failures = [var.nodes]
}

run "no_router" {
  command = plan
  variables {
    routers = {}
  }
  expect_failures = [var.routers]
}

run "vrid_0" {
  command = plan
  variables {
    routers = { web = { vrid = 0, addresses = ["192.0.2.100/24"] } }
  }
  expect_failures = [var.routers]
}

run "address_without_a_length" {
  command = plan
  variables {
    routers = { web = { vrid = 51, addresses = ["192.0.2.100"] } }
  }
  expect_failures = [var.routers]
}

run "excluded_address_without_a_length" {
  command = plan
  variables {
    routers = { web = { vrid = 51, addresses = ["192.0.2.100/24"], exclude = ["192.0.2.101"] } }
  }
  expect_failures = [var.routers]
}

run "router_without_an_address" {
  command = plan
  variables {
    routers = { web = { vrid = 51, addresses = [] } }
  }
  expect_failures = [var.routers]
}

run "interface_twice" {
  command = plan
  variables {
    routers = { web = { vrid = 51, addresses = ["192.0.2.100/24"], interface = "eth0", interfaces = { lb-1 = "eth0" } } }
  }
  expect_failures = [var.routers]
}

run "transport_unknown" {
  command = plan
  variables {
    transport = { kind = "broadcast" }
  }
  expect_failures = [var.transport]
}

run "guard_unknown" {
  command = plan
  variables {
    guard = { kind = "majority" }
  }
  expect_failures = [var.guard]
}

run "guard_without_a_link" {
  command = plan
  variables {
    guard = { kind = "quorum", table = "lease" }
  }
  expect_failures = [var.guard]
}

run "guard_of_two" {
  command = plan
  variables {
    peer_link = {}
    guard     = { kind = "quorum" }
  }
  expect_failures = [var.guard]
}

run "group_of_an_unknown_router" {
  command = plan
  variables {
    sync_groups = { edge = { routers = ["web", "mail"] } }
  }
  expect_failures = [var.sync_groups]
}

# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

variables {
  cluster = "web"
  nodes = {
    lb-1 = { addresses = ["192.0.2.10", "2001:db8::10"], priority = 150 }
    lb-2 = { addresses = ["192.0.2.11", "2001:db8::11"], priority = 100 }
  }
  routers = {
    web = { vrid = 51, addresses = ["192.0.2.100/24"] }
  }
}

run "two_nodes" {
  command = plan
  assert {
    condition     = yamldecode(output.yaml).nodes["lb-1"].address == ["192.0.2.10", "2001:db8::10"]
    error_message = "a node's addresses are not a list"
  }
  assert {
    condition     = keys(yamldecode(output.yaml).routers.web) == ["addresses", "vrid"]
    error_message = "what was not said must not be in the file: it is vicar's to default"
  }
  assert {
    condition     = output.nodes == tolist(["lb-1", "lb-2"])
    error_message = "the nodes' names are wrong"
  }
}

run "all_sections" {
  command = plan
  variables {
    nodes = {
      lb-1    = { addresses = ["192.0.2.10"], priority = 150 }
      lb-2    = { addresses = ["192.0.2.11"], priority = 100 }
      arbiter = { addresses = ["203.0.113.12"], witness = true }
    }
    routers = {
      web  = { vrid = 51, addresses = ["192.0.2.100/24"], preempt = "30s", interfaces = { lb-1 = "ens5", lb-2 = "eth0" }, track = ["haproxy"], damping = { moves = 3 } }
      mail = { vrid = 52, addresses = ["192.0.2.101/24"], preempt = "false", interface = "auto", move = ["/usr/local/bin/move --zone a", "kernel"], announce = { repeat = 3 } }
    }
    transport   = { kind = "unicast" }
    peer_link   = {}
    guard       = { kind = "quorum" }
    announce    = { refresh = "5m" }
    sync_groups = {}
    checks      = { haproxy = { http = "http://127.0.0.1/healthz", interval = "1s", weight = -60 }, uplink = { icmp = "192.0.2.1", weight = "fault" } }
    hooks       = [{ on = ["active"], exec = ["/usr/local/bin/on-change"] }]
    control     = { http = "127.0.0.1:9112" }
  }
  assert {
    condition     = yamldecode(output.yaml).routers.web.preempt == "30s" && yamldecode(output.yaml).routers.mail.preempt == false
    error_message = "preempt is a boolean or a duration"
  }
  assert {
    condition     = yamldecode(output.yaml).routers.mail.move == [{ exec = ["/usr/local/bin/move", "--zone", "a"] }, "kernel"]
    error_message = "a program of one's own is exec"
  }
  assert {
    condition     = yamldecode(output.yaml).routers.web.interface["lb-1"] == "ens5" && yamldecode(output.yaml).routers.mail.interface == "auto"
    error_message = "interfaces differ by node"
  }
  assert {
    condition     = yamldecode(output.yaml).nodes.arbiter == { address = "203.0.113.12", witness = true }
    error_message = "a witness has no priority"
  }
  assert {
    condition     = yamldecode(output.yaml).checks.haproxy.weight == -60 && yamldecode(output.yaml).peer_link.keys_file == "/etc/vicar/keys"
    error_message = "checks go through as they are"
  }
}

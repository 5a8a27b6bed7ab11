// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package agent is the daemon: it runs the elections of a node's virtual
// routers and keeps what the node holds equal to what it was elected to hold.
//
// # Who owns what
//
// One goroutine, the loop, owns every engine, link and counter. It has one
// timer, set to the earliest deadline of all engines, and one inbox. Nothing
// that can block runs in it. Beside it run, each ending with Run:
//
//   - a reader per link, which hands batches of packets to the loop and waits
//     until they are used before it reads on;
//   - an owner per engine, which makes the movers hold what the loop last asked
//     for (latest wins) and answers when they do;
//   - the watcher of the host's network.
//
// # Promises
//
// An Active whose loop was held up for longer than the others wait steps down
// before it sends. A Backup that is late reads what has already arrived before
// it believes that the Active is gone. Addresses are given up before the node
// says so. A configuration is applied whole or not at all, and a router that
// it doesn't change misses nothing.
//
// The package needs vrrp, vip, status and the standard library; everything
// that touches the world comes in through the interfaces in ports.go.
package agent

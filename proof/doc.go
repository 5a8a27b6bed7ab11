// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package proof foretells who holds a router's addresses after each failure
// that a configuration can meet, and finds the failures that don't move them.
//
// # The model
//
// All is well when every node lives and every check passes; a check that is
// tracked in reverse alone, as for a file that asks for maintenance, is well
// while it fails. A single failure is a node that dies, or the results of checks
// that one thing gone wrong can change: a check on a node, everything that looks
// at one target, a node's interface or network. Each comes upon a router that is
// well, and goes away again; with Options.Pairs each upon each other, too.
//
// What a node's checks make of its priority is counted by package track, as the
// agent does. Who then holds the addresses is RFC 9568 section 6.4 after
// everything has come to rest: the times that it takes, PreemptDelay, damping and
// listening after the start only delay it. Without preemption any node may hold
// when all is well; the proof begins with the best.
//
// With a guard the death of a witness is a failure, too, and nobody takes over
// unless a majority of the voters lives: who holds gives up then, or keeps the
// addresses with on_loss: hold. So is that the guard's table is out of reach. The
// network between voters is not looked at.
//
// Where addresses move in a cloud, what is found is whether a standby that could
// not take them over is behind those that can.
//
// # What it costs
//
// Routers with the same nodes, priorities and tracks are counted once. 5 nodes,
// 50 checks and 250 routers, all different, take well under a second; pairs grow
// with the square of what a router tracks, so no more than a fixed number of them
// is looked at (Pairs says how many are left).
package proof

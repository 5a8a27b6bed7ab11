// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package ipvs programs pools into the kernel's IP virtual server, over its
// generic netlink, and runs the kernel's daemon that tells connections to the
// other node.
//
// One socket is kept open in the network namespace of the thread that calls New.
// Nothing is cached: each call reads what it is about, since others change it,
// too, and changes what differs. A service or a destination that differs is
// edited in place, so that its connections and counters survive.
//
// Without the module ip_vs every call fails with pool.ErrNoPlane, until it is
// there. The kernel itself loads it and its schedulers when they are first asked
// for, if it finds them.
//
// A service that listens on both families is balanced over its servers of the same
// family each, and in both over those that are reached by tunnel. While a service has
// servers of the other family the kernel's daemon can't run, and the other way round.
//
// Of a connection's packets to a server that was taken away nothing is forwarded any
// more. One whose weight is 0 keeps its connections.
//
// # Settings of the kernel's
//
// Set puts two sysctls of the namespace to 1, which by default are 0, and leaves
// them so: others that use IPVS in the same namespace see the difference, and the
// log says what was changed.
//
//   - net.ipv4.vs.expire_nodest_conn: connections of a destination that was taken
//     away end at once. A flow of UDP goes to another server with its next
//     packet, a client of TCP gets a reset and connects again. With 0 their
//     packets vanish for minutes.
//   - net.ipv4.vs.expire_quiescent_template: a persistent client whose server has
//     weight 0 (it drains, or is down and inhibited) opens its next connection to
//     another one. With 0 it is sent to that server as long as it comes back.
//
// Where /proc/sys can't be written they have to be set by somebody else; the log
// says so once.
//
// Not set is what belongs to the way of forwarding: net.ipv4.ip_forward for NAT,
// and the service's address on servers that get packets directly or by tunnel,
// where they must not answer ARP for it.
package ipvs

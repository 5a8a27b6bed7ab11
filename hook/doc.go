// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package hook tells programs and webhooks what happens to routers and pools: in
// order, one at a time per router, pool and server, each within its time limit, and
// never so that an advert waits.
//
// # What is told
//
// A hook is told of the events that it listens to, of the routers and pools that
// it listens to. It gets one JSON document: the fields of vip.Event, "version"
// (1), and "skipped". A program reads it on its standard input and has the
// main fields in its environment too (VICAR_EVENT, VICAR_ROUTER, VICAR_STATE,
// VICAR_PREVIOUS, VICAR_TERM, VICAR_PRIORITY, VICAR_NODE, VICAR_CLUSTER,
// VICAR_PEER, VICAR_REASON, VICAR_POOL, VICAR_SERVER, without control characters); exit code 0 is
// success. A webhook gets it as the body of a POST; an answer of 200 to 299 is
// success. Redirects are not followed, and the environment's proxies are not
// used: what is told of a failing network goes the way that was configured.
//
// A program runs as package child says: without the agent's capabilities, and not
// at all if others could replace it. Each run has the hook's Timeout, after which
// it is ended with all that it started. There is one attempt. A failure is logged
// and counted, and the next event carries the state again.
//
// # Order
//
// For one router everything is in order and one at a time: an event's hooks in
// the configuration's order, then the next event's. The same holds for one pool's
// quorum, and for one server of a pool. Different routers, pools and servers are told
// of at the same time, Config.Parallel runs at most.
//
// # What is skipped
//
// While a hook is busy, its events wait, and newer ones make them pointless.
// For one router, pool or server and one hook,
//
//   - a state (active, backup, fault, stop; quorum_up, quorum_down; server_up,
//     server_down) supersedes all that waits;
//   - take_over and give_up supersede a take_over or give_up that waits, but not
//     the state before it.
//
// So at most two events wait: a state, and a take_over or give_up that came
// after it. Memory is bounded by two events per router, pool or server and hook. A superseded
// event is skipped; "skipped" in the document of the event that took its place
// is how many it stands for. A run that has begun is not broken off for a newer
// event.
//
// Only an event that the hook itself is told of supersedes. A hook that listens
// to backup alone is told of the last backup, even if the router has become
// active in the meantime: the last thing that a hook is told of a router is the
// last of what it listens to. So what has to follow a router's state should be
// one hook that listens to all four states.
package hook

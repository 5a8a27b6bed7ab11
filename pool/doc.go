// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package pool balances virtual services over real servers: it decides, of what
// checks say, which servers a service has and with which weights, and keeps what
// the kernel has programmed equal to that.
//
// A Plane is what balances: IPVS (pool/ipvs) or nftables (pool/nft). This package
// knows neither, and no check: it is told results by their checks' names.
//
// A service is what keepalived calls a virtual server, a server its real server.
//
// # How it works
//
// What a service is to be follows from results, drains and time alone (service,
// server), and is compared with what was last sent to its plane. Only what differs is sent, and
// what comes while a plane is busy is sent as it is then: there is no queue of
// changes. What fails is sent again, after 100 ms first and 5 s at most.
// Every Period each plane is asked what is not as it was set, and that is put right.
//
// # Quorum
//
// A service has its quorum or not, by the weights of its servers that are up: a slow
// start counts in full, a server that drains not at all. Without it the sorry
// server serves instead of all, as with keepalived: those that are up are
// removed, but for those with Inhibit, which have weight 0, and those that drain. Where
// there is no sorry server what is up goes on serving.
package pool

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
package pool

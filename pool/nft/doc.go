// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package nft balances with nftables: it is the pool.Plane of hosts without IPVS.
//
// All is in one table, "inet vicar", which is this package's alone. A packet that
// begins a connection is looked up by its mark, or by its address, protocol and port,
// in a map whose elements lead to a chain per service and family; that rewrites its
// destination to a server, which it finds in the map slots-NAME by counting (rr,
// wrr) or by hashing an address (sh, mh, dh). All else is the kernel's connection
// tracking: what is established stays where it is, whatever becomes of the table.
//
//	map services4         address . protocol . port : goto service-web-4
//	chain service-web-4   the choice
//	map slots-web-4       number : server . port
//	map servers-web-4     server . port : weight, of all servers, for those who read
//
// A persistent service has instead of slots-web-4 a map to chains per server, which
// remember clients in sets, clients-web-4-IDENTITY.
//
// The table goes with its last service. The table vicar-hold, which has a chain that does
// nothing and goes with the plane's socket, keeps connections going meanwhile; on kernels that
// do not have such tables (before Linux 5.12) the empty table stays in its place.
//
// A change is one transaction and concerns only what is different. The generation
// number of the kernel's rules tells whether somebody else has changed something
// since; if not, nothing needs to be read.
package nft

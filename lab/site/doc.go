// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package site makes, of a lab's hosts, a site to balance: a client with 254
// addresses, two directors, and real servers that answer with their names. Clients
// and servers run in this process; what balances is up to who uses it.
//
//	client     192.0.2.50, connects from 203.0.113.0/24
//	lb-1, lb-2 192.0.2.11 and .12 outside, 198.51.100.2 and .3 inside
//	s1, s2 ... 198.51.100.11 and so on
//
// The service's address is 192.0.2.100. Servers send their answers by 198.51.100.1,
// which is the address of the director that balances (forwarding NAT), or straight to the
// client, and have the service's address too (forwarding direct).
package site

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package guard has tests only: what the quorum guard promises, asked of real
// agents on a lab's hosts while the network, the processes and the
// configuration are tampered with.
//
// Each host is asked every millisecond, by its own MAC address, whether it
// answers for the address, and a client asks all of them by ARP. No host may
// answer between two answers of another one; one that is frozen, dead or cut
// off may not answer once its lease must have run out; and somebody must answer
// again before long. Agents without a guard go through some of it as well: that
// they fail proves the tests.
//
//	go test ./lab/guard -guard.runs 20
//	go test ./lab/guard -run 'TestScenarios/freeze' -guard.seed 7 -v
//
// The adverts' way over the peer link has its tests here, too.
package guard

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
// again before long. keepalived, and agents without a guard or without a fence, go
// through some of it as well: that they fail proves the tests.
//
// The tests print a table of what came of each scenario.
//
//	go test ./lab/guard -v -guard.runs 20 -guard.freeze 10s
//	go test ./lab/guard -v -run 'TestScenarios/freeze' -guard.seed 7 -guard.stories
//
// The adverts' way over the peer link has its tests here, too.
package guard

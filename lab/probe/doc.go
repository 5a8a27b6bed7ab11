// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package probe measures who serves an address, millisecond by millisecond,
// from the outside:
//
//   - a Client asks for an echo through the kernel of a client host, whose ARP
//     or neighbour cache must learn of a move as any client's must;
//   - Holders asks each host by its own MAC address whether it has the
//     address, past the switch, so that a host nobody else reaches answers too;
//   - an Asker asks all hosts at once by ARP, as a client does that looks for
//     the address, and keeps who answered;
//   - a Sweep finds when the first and the last of many addresses answer;
//   - Adverts hears when a host sends VRRP packets, or datagrams to a port.
//
// They share a Session: one thread that wakes at absolute times, sends what is
// due and reads what came. The kernel's time stamps tell when an answer came,
// so that a late wake-up costs probes but not precision.
//
//	s := probe.New(time.Millisecond)
//	c, err := s.Client(client, vip)
//	h, err := s.Holders(l, vip, a, b)
//	go s.Run(ctx)
//	... cut a ...
//	cancel() and wait for Run
//	worst := c.Worst(0, s.Now())
//	two := h.Dual(0, s.Now())
//
// All times are durations since the session was made. Results are complete
// once Run has returned.
package probe

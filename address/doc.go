// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package address is the kernel's side of a virtual address: it adds and
// removes addresses, tells the neighbours (gratuitous ARP, unsolicited
// Neighbor Advertisements), and watches what the host's network looks like. It
// decides nothing: who holds an address is the caller's affair.
//
// # What is ours
//
// Every address that a [Kernel] adds carries [Proto] in IFA_PROTO. Kernels
// before 5.18 don't keep that attribute, so the address also stands in a
// journal, written to the runtime directory before the address is added. Both
// survive the death of the process, and [Kernel.Sweep] removes what either of
// them names and no claim of the living process holds.
//
// An address that is claimed and was on the interface already becomes ours: it
// gets the tag, and Release removes it. A claimed address that stayed on a node
// that is not the holder would be a second holder. Hence the node's own
// addresses must not be claimed: for an address owner (priority 255, RFC 9568
// section 6.1) call only Held and Announce.
//
// # How an address is added
//
// IPv4: scope global, the prefix length as given, no broadcast address, like
// `ip address add`. With the prefix length of the host's own address in that
// subnet it becomes a secondary address, which the kernel does not choose as a
// source. Should the host's own address go and come back (a DHCP client
// may do that) their order turns around and the virtual address is
// the primary one; with /32 that can't happen, and it answers as well. In a
// subnet where the host has no other address it is the primary one.
//
// IPv6: without duplicate address detection (IFA_F_NODAD), so it answers at
// once, and with preferred lifetime 0 (deprecated) and valid for ever, so that
// it is no source as long as there is another address. The kernel makes the
// prefix's on-link route as it does for any address, so a /64 makes a
// subnet reachable in which the host has no other address; where there is
// such a route already, none is added, and removing the virtual address leaves
// it. Use /128 for an address without a subnet.
//
// Two thousand IPv4 addresses take less than 100 ms. The kernel's work for an IPv6
// address grows with the number that the interface has (it renews all their
// multicast memberships each time), so two thousand of them take seconds,
// whoever adds them.
//
// # What else is changed
//
// Removing an IPv4 primary address takes the secondary addresses of its subnet
// with it, be they ours or not, unless net.ipv4.conf.*.promote_secondaries is
// set (systemd sets it; the kernel's default is off). Before this package
// removes an address that is primary, it sets it for that interface and leaves
// it set. No other setting of the host is touched.
//
// # The fence
//
// A process that no longer runs can't remove its addresses, and the kernel goes on
// answering for them. A [Fence] is a promise that the kernel keeps: from a
// deadline on it is silent about an address, on every interface. It stays when
// the process ends; the next process adopts it, and [PurgeFence] removes it.
//
// # Namespaces and rights
//
// A Kernel works in the network namespace of the thread that called [New]: its
// sockets are opened there and stay there. It needs CAP_NET_ADMIN and
// CAP_NET_RAW. A Fence needs CAP_NET_ADMIN and CAP_BPF (and CAP_SYS_ADMIN to adopt
// one). The package works on Linux only; elsewhere it is empty.
package address

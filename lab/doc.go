// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package lab makes a network of hosts inside one process: each host is an
// anonymous network namespace, and a bridge in one more namespace joins them.
// Real processes run on the hosts, and the network can be cut, partitioned
// and healed while they run. The demo, the integration tests and the
// benchmarks stand on it.
//
//	l, err := lab.New()
//	defer l.Close()
//	a, err := l.Host("a", netip.MustParsePrefix("192.0.2.10/24"))
//	p, err := a.Start(a.Command("vicar", "run", "-c", "vicar.yaml"))
//	err = l.Isolate(a) // a's link stays up, nothing passes
//	err = l.Heal()
//
// # What is left behind
//
// Nothing. No namespace has a name: it ends with the last thread, process or
// socket in it. Close ends every process that a host started and waits for it;
// if this process dies before that, the kernel kills them (each dies with the
// thread that started it, which lives as long as its host).
//
// # Rights
//
// The lab needs CAP_SYS_ADMIN and CAP_NET_ADMIN, which root in a user
// namespace has as well: see Reexec.
package lab

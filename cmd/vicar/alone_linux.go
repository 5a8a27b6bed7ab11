// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// namespaceName is an abstract Unix socket's, which exists once in a network
// namespace. Nobody talks over it: who has it is the namespace's agent.
const namespaceName = "@vicar-agent"

// claimNamespace makes this process the only agent of its network namespace:
// two agents with runtime directories of their own would take each other's
// addresses for a dead one's. The kernel takes the claim back when the process
// dies. The error is errLocked if another process has it.
func claimNamespace(ctx context.Context) (release func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", namespaceName)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w in this network namespace (process %s)", errLocked, namespaceOwner(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("claiming the network namespace: %w", err)
	}
	return func() { _ = l.Close() }, nil
}

// namespaceOwner is the number of the process that has the claim.
func namespaceOwner(ctx context.Context) string {
	const unknown = "unknown"
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", namespaceName)
	if err != nil {
		return unknown
	}
	defer func() { _ = c.Close() }()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return unknown
	}
	who := unknown
	_ = raw.Control(func(fd uintptr) {
		if peer, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			who = fmt.Sprint(peer.Pid)
		}
	})
	return who
}

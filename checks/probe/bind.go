// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/vicar-ha/vicar/checks"
)

// errFamily is a source address of the other family than the target's.
var errFamily = errors.New("source and target are not of one address family")

// dialer makes connections that leave from where b says, without keep-alives:
// none lives as long. Of a name's addresses it tries those that b.Source can
// reach. Names are looked up from wherever the host's routes say, and by Go's
// own resolver: a look-up in the C library can't be given up when a look ends.
func dialer(b checks.Bind) *net.Dialer {
	return &net.Dialer{
		KeepAlive: -1,
		Resolver:  &net.Resolver{PreferGo: true},
		Control:   control(b),
	}
}

// control prepares a socket for b before it connects: net.Dialer.Control.
func control(b checks.Bind) func(network, address string, c syscall.RawConn) error {
	if b == (checks.Bind{}) {
		return nil
	}
	return func(network, _ string, c syscall.RawConn) error {
		if b.Source.IsValid() && strings.HasSuffix(network, "6") != b.Source.Is6() {
			return fmt.Errorf("from %s: %w", b.Source, errFamily)
		}
		var failed error
		if err := c.Control(func(fd uintptr) { failed = bindSocket(int(fd), b) }); err != nil {
			return err
		}
		return failed
	}
}

// suits tells whether a target can be reached from where b says.
func suits(b checks.Bind, target netip.Addr) bool {
	return !b.Source.IsValid() || b.Source.Is4() == target.Is4()
}

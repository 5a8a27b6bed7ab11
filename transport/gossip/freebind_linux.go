// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"os"
	"strings"
	"syscall"
)

// ipv6Freebind is IPV6_FREEBIND of linux/in6.h.
const ipv6Freebind = 78

// freebind allows an address that is not there yet: at boot a link may come up
// late, or never, which must not keep the node from starting.
func freebind(network, _ string, raw syscall.RawConn) error {
	level, option := syscall.IPPROTO_IP, syscall.IP_FREEBIND
	if strings.HasSuffix(network, "6") {
		level, option = syscall.IPPROTO_IPV6, ipv6Freebind
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), level, option, 1) }); err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt FREEBIND", failed)
}

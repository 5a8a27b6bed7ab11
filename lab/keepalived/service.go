// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package keepalived

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Service is a virtual_server over TCP by forwarding NAT, whose servers are
// connected to.
type Service struct {
	Address   netip.AddrPort
	Scheduler string
	Servers   []netip.AddrPort
	// Interval is how often a server is connected to, and the time until the second
	// time after a failure, which takes the server out.
	Interval, Timeout time.Duration
}

// write appends the service's block.
func (s Service) write(b *strings.Builder) {
	line := liner(b)
	fmt.Fprintf(b, "virtual_server %s %d {\n", s.Address.Addr(), s.Address.Port())
	line("lvs_sched %s", s.Scheduler)
	line("lvs_method NAT")
	line("protocol TCP")
	line("delay_loop %s", seconds(s.Interval))
	for _, r := range s.Servers {
		line("real_server %s %d {", r.Addr(), r.Port())
		line("\tTCP_CHECK {")
		line("\t\tconnect_timeout %s", seconds(s.Timeout))
		line("\t\tretry 1")
		line("\t\tdelay_before_retry %s", seconds(s.Interval))
		line("\t}")
		line("}")
	}
	b.WriteString("}\n")
}

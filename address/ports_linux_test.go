// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address_test

import (
	"github.com/vicar-ha/vicar/address"
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/guard"
)

// What the agent needs.
var (
	_ agent.Mover     = (*address.Kernel)(nil)
	_ agent.Announcer = (*address.Kernel)(nil)
	_ agent.Announcer = address.Announcer{}
	_ agent.Network   = (*address.Kernel)(nil)
	_ agent.Prober    = (*address.Kernel)(nil)

	_ guard.Fence = address.Leases{}
)

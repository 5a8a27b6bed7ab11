// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/fleet"
)

var _ agent.Peers = (*fleet.Fleet)(nil)

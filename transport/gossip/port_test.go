// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip_test

import (
	"github.com/vicar-ha/vicar/agent"
	"github.com/vicar-ha/vicar/transport/gossip"
)

var _ agent.Transport = (*gossip.Adverts)(nil)

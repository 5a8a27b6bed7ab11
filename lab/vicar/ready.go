// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vicar

import (
	"context"

	"github.com/vicar-ha/vicar/status"
)

// Ready tells whether the agent takes part in all elections and, where it has a
// guard or a peer link, may vote and sees all configured nodes.
func (a *Agent) Ready(ctx context.Context) bool {
	s, err := a.Status(ctx)
	return err == nil && ready(s)
}

func ready(s status.Status) bool {
	for _, r := range s.Routers {
		if r.State == "Initialize" {
			return false
		}
	}
	if g := s.Guard; g != nil && g.Silent.After(s.Now) {
		return false
	}
	for _, n := range s.Fleet {
		if n.Configured && !n.Here && !n.Joined {
			return false
		}
	}
	return len(s.Routers) > 0 || s.Guard != nil
}

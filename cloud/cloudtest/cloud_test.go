// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"net/netip"
	"testing"
)

func TestCloud(t *testing.T) {
	RunBubble(t, nil, func(*testing.T) World {
		return NewCloud(1, 3).World(netip.MustParsePrefix("198.51.100.7/32"), netip.MustParsePrefix("2001:db8::7/128"))
	})
}

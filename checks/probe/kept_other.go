// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package probe

import (
	"net"
	"time"
)

// limitUnacknowledged does nothing here: a peer that has gone costs a look.
func limitUnacknowledged(net.Conn, time.Duration) {}

// idle can't be told here: the answer tells.
func idle(net.Conn) bool { return true }

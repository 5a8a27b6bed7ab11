// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package gossip

import "syscall"

// freebind is Linux's alone: elsewhere the addresses must be there.
func freebind(string, string, syscall.RawConn) error { return nil }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package guard

// clockSlew is not known here.
func clockSlew() float64 { return 0 }

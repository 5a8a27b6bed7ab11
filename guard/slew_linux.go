// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import "syscall"

// clockSlew is by how much the kernel's clock runs fast (or slow, negative) by
// order of a time daemon, in per cent: CLOCK_BOOTTIME is disciplined by the
// same tick and frequency as the wall clock (adjtimex(2)).
func clockSlew() float64 {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		return 0 // not allowed to know, in some sandboxes
	}
	// Tick is microseconds per tick of 1/100 s, Freq millionths scaled by 2^16.
	return (float64(t.Tick)-10000)/100 + float64(t.Freq)/65536/1e4
}

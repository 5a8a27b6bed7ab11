// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package address

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// Leases opens a fence until times of another clock, such as package clock's,
// which runs at the rate of CLOCK_BOOTTIME and begins elsewhere.
type Leases struct {
	Fence *Fence
	Now   func() time.Time
}

// Set opens the fence for the addresses until then, or a little less long.
func (l Leases) Set(addrs []netip.Addr, until time.Time) error {
	deadline, err := Deadline(l.Now, until)
	if err != nil {
		return fmt.Errorf("opening the fence: %w", err)
	}
	return l.Fence.Set(addrs, deadline)
}

// Shut closes the fence for the addresses now.
func (l Leases) Shut(addrs []netip.Addr) error { return l.Fence.Shut(addrs) }

// Deadline is a time of now's clock as a time of CLOCK_BOOTTIME. Whenever the
// process is stopped in between, the deadline comes out early, never late.
func Deadline(now func() time.Time, until time.Time) (time.Duration, error) {
	// CLOCK_BOOTTIME first: what passes until the other is read is taken from what
	// remains.
	boot, err := BootTime()
	if err != nil {
		return 0, err
	}
	return deadline(boot, until.Sub(now())), nil
}

// deadline is boot plus what remains, between 0 and the far future.
func deadline(boot, remains time.Duration) time.Duration {
	if remains > math.MaxInt64-boot {
		return math.MaxInt64
	}
	return max(0, boot+remains)
}

// BootTime is the time of CLOCK_BOOTTIME: since the machine was started, sleep
// included.
func BootTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("reading the clock: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

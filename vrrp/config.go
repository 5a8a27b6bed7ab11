// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package vrrp

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// The longest intervals that fit their field: 12 bits of centiseconds (RFC 9568
// section 5.2.7) and 8 bits of seconds (RFC 3768 section 5.3.7).
const (
	maxIntervalV3 = 4095 * 10 * time.Millisecond
	maxIntervalV2 = 255 * time.Second
)

// maxAddresses is what IPvX Addr Count can say (RFC 9568 section 5.2.5).
const maxAddresses = 255

// validate returns everything that is wrong with c, joined.
func (c Config) validate() error {
	return errors.Join(c.validateVersion(), c.validateNumbers(), c.validateAddresses())
}

func (c Config) validateVersion() error {
	switch c.Version {
	case wire.V3:
		// Erratum 8301: 1 to 4095 centiseconds.
		if c.Interval < 10*time.Millisecond || c.Interval > maxIntervalV3 || c.Interval%(10*time.Millisecond) != 0 {
			return fmt.Errorf("interval %v: want 10ms to %v in steps of 10ms", c.Interval, maxIntervalV3)
		}
	case wire.V2:
		if c.Interval < time.Second || c.Interval > maxIntervalV2 || c.Interval%time.Second != 0 {
			return fmt.Errorf("interval %v: version 2 wants 1s to %v in whole seconds", c.Interval, maxIntervalV2)
		}
	default:
		return fmt.Errorf("version %d: want 2 or 3", c.Version)
	}
	return nil
}

func (c Config) validateNumbers() error {
	var errs []error
	if c.VRID == 0 {
		errs = append(errs, errors.New("vrid 0: want 1 to 255"))
	}
	if c.Priority == wire.PriorityStop {
		errs = append(errs, errors.New("priority 0: want 1 to 254, or 255 for the address owner"))
	}
	if c.Priority == wire.PriorityOwner && c.Guarded {
		errs = append(errs, errors.New("priority 255: an address owner can't be guarded, for its addresses stay where they are"))
	}
	if c.PreemptDelay < 0 {
		errs = append(errs, fmt.Errorf("preempt delay %v is negative", c.PreemptDelay))
	}
	if c.PreemptDelay > 0 && !c.Preempt {
		errs = append(errs, errors.New("preempt delay without preempt"))
	}
	return errors.Join(errs...)
}

func (c Config) validateAddresses() error {
	var errs []error
	if n := len(c.Addresses); n == 0 || n > maxAddresses {
		errs = append(errs, fmt.Errorf("%d addresses: want 1 to %d", n, maxAddresses))
	}
	seen := make(map[netip.Addr]bool, len(c.Addresses))
	for _, a := range c.Addresses {
		switch {
		case !a.IsValid(), a.Is4In6(), a.Zone() != "", a.IsUnspecified(), a.IsMulticast():
			errs = append(errs, fmt.Errorf("address %v: want a plain IPv4 or IPv6 unicast address", a))
		case c.Version == wire.V2 && !a.Is4():
			errs = append(errs, fmt.Errorf("address %v: version 2 has IPv4 only", a))
		case a.Is4() != c.Addresses[0].Is4():
			errs = append(errs, fmt.Errorf("address %v: not of the family of %v", a, c.Addresses[0]))
		case seen[a]:
			errs = append(errs, fmt.Errorf("address %v: listed twice", a))
		}
		seen[a] = true
	}
	return errors.Join(errs...)
}

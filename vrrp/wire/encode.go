// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// What can't be encoded. AppendTo wraps them.
var (
	ErrVersion  = errors.New("no such version for the address family")
	ErrVRID     = errors.New("VRID 0 is not in 1 to 255")
	ErrInterval = errors.New("advertisement interval out of range or between steps")
	ErrCount    = errors.New("number of addresses is not in 1 to 255")
	ErrFamily   = errors.New("addresses of more than one family, or of none")
	ErrPassword = errors.New("only version 2 has a password")
)

// The steps and bounds of Max Advertise Interval, 12 bits of centiseconds
// (RFC 9568 section 5.2.7), and of Adver Int, 8 bits of seconds (RFC 3768
// section 5.3.7).
const (
	StepV3        = 10 * time.Millisecond
	MaxIntervalV3 = 4095 * StepV3
	StepV2        = time.Second
	MaxIntervalV2 = 255 * StepV2
)

// The message's layout. Both versions have the same first eight bytes but for
// the fifth and sixth; version 2 ends with the authentication data.
const (
	headerLen   = 8
	authLen     = 8
	offChecksum = 6

	typeAdvertisement = 1 // RFC 9568 section 5.2.2

	authNone     = 0 // RFC 3768 section 5.3.6
	authPassword = 1 // RFC 2338 section 5.3.6
)

// Len is how many bytes AppendTo appends for a.
func (a *Advert) Len() int {
	each := 4
	if len(a.Addresses) > 0 && a.Addresses[0].Is6() {
		each = 16
	}
	return messageLen(a.Version, len(a.Addresses), each)
}

func messageLen(v Version, count, each int) int {
	n := headerLen + count*each
	if v == V2 {
		n += authLen
	}
	return n
}

// AppendTo appends the message to b, and returns b as it was if there is an
// error. It doesn't allocate if b has room for Len bytes.
//
// src and dst are those of the IP packet that will carry the message, of the
// addresses' family and not in the IPv4-mapped form. Their bytes enter the
// checksum of IPv6 and of ChecksumPseudo; with version 2, and with
// ChecksumMessage for IPv4, one message serves every destination. sum is
// heeded for version 3 over IPv4 only.
func (a *Advert) AppendTo(b []byte, src, dst netip.Addr, sum Checksum) ([]byte, error) {
	field, err := a.check(src, dst)
	if err != nil {
		return b, fmt.Errorf("encoding advert: %w", err)
	}
	start := len(b)
	b = append(b, byte(a.Version)<<4|typeAdvertisement, a.VRID, a.Priority, byte(len(a.Addresses)),
		byte(field>>8), byte(field), 0, 0)
	for _, addr := range a.Addresses {
		if addr.Is4() {
			v := addr.As4()
			b = append(b, v[:]...)
		} else {
			v := addr.As16()
			b = append(b, v[:]...)
		}
	}
	if a.Version == V2 {
		var auth [authLen]byte // zeros without a password (RFC 3768 section 5.3.10)
		if a.Password != nil {
			auth = *a.Password
		}
		b = append(b, auth[:]...)
	}
	msg := b[start:]
	total := sumBytes(0, msg)
	if a.Version == V3 && (src.Is6() || sum == ChecksumPseudo) {
		total += sumPseudo(src, dst, len(msg))
	}
	binary.BigEndian.PutUint16(msg[offChecksum:], ^fold(total))
	return b, nil
}

// check tells whether a can be encoded, and the value of the fifth and sixth
// byte: Reserved and Max Advertise Interval, or Auth Type and Adver Int.
func (a *Advert) check(src, dst netip.Addr) (uint16, error) {
	if a.VRID == 0 {
		return 0, ErrVRID
	}
	if n := len(a.Addresses); n == 0 || n > 255 {
		return 0, fmt.Errorf("%d addresses: %w", n, ErrCount)
	}
	if !sameFamily(src, dst) {
		return 0, fmt.Errorf("%v to %v: %w", src, dst, ErrFamily)
	}
	for _, addr := range a.Addresses {
		if !sameFamily(src, addr) {
			return 0, fmt.Errorf("%v from %v: %w", addr, src, ErrFamily)
		}
	}
	switch {
	case a.Version == V3:
		if a.Password != nil {
			return 0, ErrPassword
		}
		n, ok := steps(a.Interval, StepV3, MaxIntervalV3)
		if !ok {
			return 0, fmt.Errorf("%v, version 3: %w", a.Interval, ErrInterval)
		}
		return n, nil
	case a.Version == V2 && src.Is4():
		n, ok := steps(a.Interval, StepV2, MaxIntervalV2)
		if !ok {
			return 0, fmt.Errorf("%v, version 2: %w", a.Interval, ErrInterval)
		}
		if a.Password != nil {
			n |= authPassword << 8
		}
		return n, nil
	}
	return 0, fmt.Errorf("version %d: %w", a.Version, ErrVersion)
}

// steps is d in whole steps, if it has a place in 1 to limit.
func steps(d, step, limit time.Duration) (uint16, bool) {
	if d < step || d > limit || d%step != 0 {
		return 0, false
	}
	return uint16(d / step), true
}

// sameFamily tells whether both addresses exist and are IPv4, or both IPv6. An
// IPv4-mapped IPv6 address is IPv6, as it is to netip and in an IPv6 header.
func sameFamily(a, b netip.Addr) bool {
	return a.IsValid() && b.IsValid() && a.Is4() == b.Is4()
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// value is an attribute's. One that is too short reads as 0 or nothing.
type value []byte

func (v value) u8() uint8 {
	if len(v) < 1 {
		return 0
	}
	return v[0]
}

func (v value) u16() uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(v)
}

func (v value) u32() uint32 {
	if len(v) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}

func (v value) u64() uint64 {
	if len(v) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(v)
}

// port is a number in the network's order.
func (v value) port() uint16 {
	if len(v) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(v)
}

// text is a string up to its zero byte.
func (v value) text() string {
	s, _, _ := bytes.Cut(v, []byte{0})
	return string(s)
}

// addr is an address of the family. The kernel sends 16 bytes for IPv4, too.
func (v value) addr(family uint16) netip.Addr {
	switch {
	case family == family4 && len(v) >= 4:
		return netip.AddrFrom4([4]byte(v[:4]))
	case family == family6 && len(v) >= 16:
		return netip.AddrFrom16([16]byte(v[:16]))
	}
	return netip.Addr{}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// maxInterval is the 12 bits of Max Advertise Interval. The four above are
// reserved, and ignored on reception (RFC 9568 section 5.2.6).
const maxInterval = 0x0fff

// Parse decodes a message into a and tells which form of checksum fitted;
// where there is no choice, or both forms fit, it is ChecksumMessage. The error
// is a Drop, and leaves a as it was.
//
// src and dst are those of the IP packet, in one family and not in the
// IPv4-mapped form. b may be longer than its address count says: Ethernet pads
// short frames and some senders append trailers. What follows the message is
// neither looked at nor part of the checksum.
//
// Parse keeps nothing of b. It overwrites the memory that a.Addresses and
// a.Password refer to, so that a reused Advert doesn't allocate.
//
// What needs more than the bytes is the caller's: TTL, VRID, source, password.
//
// Beyond the RFC: an IPv6 advert whose first address is not link-local is used
// (section 5.2.9; erratum 8300 drops it). Routers that share only global
// addresses are common and elect well.
func (a *Advert) Parse(b []byte, src, dst netip.Addr) (Checksum, error) {
	msg, each, err := frame(b, src)
	if err != nil {
		return 0, err
	}
	sum, err := verify(msg, src, dst)
	if err != nil {
		return 0, err
	}
	v2 := Version(msg[0]>>4) == V2
	interval := time.Duration(binary.BigEndian.Uint16(msg[4:])&maxInterval) * StepV3
	if v2 {
		interval = time.Duration(msg[5]) * StepV2
	}
	switch {
	case msg[1] == 0:
		return 0, DropVRID
	case msg[3] == 0:
		return 0, DropNoAddress
	case interval == 0:
		return 0, DropZeroInterval
	case v2 && msg[4] != authNone && msg[4] != authPassword:
		return 0, DropAuth
	}

	a.Version, a.VRID, a.Priority, a.Interval = Version(msg[0]>>4), msg[1], msg[2], interval
	a.Addresses = appendAddresses(a.Addresses[:0], msg[headerLen:headerLen+int(msg[3])*each], each)
	if v2 && msg[4] == authPassword {
		if a.Password == nil {
			a.Password = new([authLen]byte)
		}
		copy(a.Password[:], msg[len(msg)-authLen:])
	} else {
		a.Password = nil
	}
	return sum, nil
}

// frame cuts the message out of b and tells how long each address is
// (RFC 9568 section 7.1: version, type, complete packet).
func frame(b []byte, src netip.Addr) (msg []byte, each int, err error) {
	if len(b) < headerLen {
		return nil, 0, DropTruncated
	}
	v := Version(b[0] >> 4)
	if v != V3 && (v != V2 || !src.Is4()) {
		return nil, 0, DropVersion
	}
	if b[0]&0x0f != typeAdvertisement {
		return nil, 0, DropType
	}
	each = 16
	if src.Is4() {
		each = 4
	}
	n := messageLen(v, int(b[3]), each)
	if len(b) < n {
		return nil, 0, DropTruncated
	}
	return b[:n], each, nil
}

// verify tells which form of checksum fits the message. If src and dst are not
// of one family there is no pseudo-header, and none fits.
func verify(msg []byte, src, dst netip.Addr) (Checksum, error) {
	if !sameFamily(src, dst) {
		return 0, DropChecksum
	}
	sum := sumBytes(0, msg)
	plain, pseudo := src.Is4(), Version(msg[0]>>4) == V3
	if plain && good(sum) {
		return ChecksumMessage, nil
	}
	if pseudo && good(sum+sumPseudo(src, dst, len(msg))) {
		if plain {
			return ChecksumPseudo, nil
		}
		return ChecksumMessage, nil
	}
	return 0, DropChecksum
}

func appendAddresses(to []netip.Addr, b []byte, each int) []netip.Addr {
	for ; len(b) >= each; b = b[each:] {
		if each == 4 {
			to = append(to, netip.AddrFrom4([4]byte(b)))
		} else {
			to = append(to, netip.AddrFrom16([16]byte(b)))
		}
	}
	return to
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/binary"
	"errors"
	"iter"
)

// The payload of a message on the channel Advert is
//
//	0   version, 1
//	1   family, 4 or 6
//
// and then for each VRRP message its length, 2 bytes in network byte order and
// not 0, and the message.
const (
	advertVersion = 1
	advertHeader  = 2
	advertPrefix  = 2
)

// maxAdvert is the longest VRRP message that can be sent: of a virtual router
// with 284 IPv4 or 71 IPv6 addresses.
const maxAdvert = MaxPayload - advertHeader - advertPrefix

var errAdverts = errors.New("the list of adverts is cut off or wrong")

func beginAdverts(b []byte, family int) []byte {
	return append(b, advertVersion, byte(family)) //nolint:gosec // 4 or 6
}

func appendAdvert(b, data []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(data))) //nolint:gosec // at most maxAdvert
	return append(b, data...)
}

// parseAdverts reads such a payload. Nothing of one that is wrong is used.
func parseAdverts(b []byte) (family int, list iter.Seq[[]byte], err error) {
	if len(b) <= advertHeader || b[0] != advertVersion || b[1] != 4 && b[1] != 6 {
		return 0, nil, errAdverts
	}
	family, b = int(b[1]), b[advertHeader:]
	for rest := b; len(rest) > 0; {
		if len(rest) < advertPrefix {
			return 0, nil, errAdverts
		}
		n := int(binary.BigEndian.Uint16(rest))
		if n == 0 || len(rest) < advertPrefix+n {
			return 0, nil, errAdverts
		}
		rest = rest[advertPrefix+n:]
	}
	return family, func(yield func([]byte) bool) {
		for rest := b; len(rest) > 0; {
			n := advertPrefix + int(binary.BigEndian.Uint16(rest))
			if !yield(rest[advertPrefix:n]) {
				return
			}
			rest = rest[n:]
		}
	}, nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guardian

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// What the agent says to its guardian is a stream of frames: what kind, how long,
// and that many bytes. One that has not arrived whole when the agent dies is
// not there.
const (
	frameWill byte = 'w' // a will, in place of the one before
	// frameLook: an end of a lease has come nearer, or there is one again. All
	// others the guardian sees when it looks for the end that it knows.
	frameLook byte = 'l'

	frameHeader = 5
	frameMost   = 64 << 20

	// ready is what the guardian says, once.
	ready byte = 'r'
)

func appendFrame(b []byte, kind byte, payload []byte) ([]byte, error) {
	if len(payload) > frameMost {
		return b, fmt.Errorf("a will of %d bytes: %w", len(payload), errFrame)
	}
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)&math.MaxUint32))
	return append(b, payload...), nil
}

// errFrame says that the stream is not one of frames.
var errFrame = errors.New("not a frame")

// cutFrame takes the first frame off the stream. Without a whole one kind is 0.
func cutFrame(b []byte) (kind byte, payload, rest []byte, err error) {
	if len(b) < frameHeader {
		return 0, nil, b, nil
	}
	n := binary.BigEndian.Uint32(b[1:])
	if (b[0] != frameWill && b[0] != frameLook) || n > frameMost {
		return 0, nil, nil, errFrame
	}
	if len(b) < frameHeader+int(n) {
		return 0, nil, b, nil
	}
	end := frameHeader + int(n)
	return b[0], b[frameHeader:end], b[end:], nil
}

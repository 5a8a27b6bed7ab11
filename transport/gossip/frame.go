// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/binary"
	"errors"
)

// Channel says who a message is for at the receiver.
type Channel uint8

const (
	Lease  Channel = 1 + iota // the guard
	Agent                     // agents
	Advert                    // VRRP adverts, see Link.Open
	twins                     // of the link itself, see notice
	Probe                     // requests for packets to addresses that were taken over
)

// kind says what a frame is.
type kind uint8

const (
	kindDirect kind = 1 // a message
	kindState  kind = 2 // the sender's state
	kindWho    kind = 3 // who runs under this name at this address?
	kindHere   kind = 4 // the answer
	kindSealed kind = 5 // a message that may come at any later time
	kindProve  kind = 6 // do you run? the payload is a number of 8 bytes, and the sender's age in nanoseconds
	kindProof  kind = 7 // the answer, with the same number
)

// frame is what this package puts in memberlist's user messages:
//
//	0      'v'
//	1      version, 1
//	2      kind
//	3      channel of kindDirect and kindSealed, else 0
//	4      start of the sender, 8 bytes
//	12     number, 8 bytes
//	20     how many copies of it were sent, each to another address; else 0 or 1
//	21     length of the sender's name, the name
//	..     length of the receiver's name, the name
//	..     payload, to the end
//
// Numbers are in network byte order. Number counts the sender's messages to
// that receiver, its sealed messages to it, or the versions of its state.
type frame struct {
	kind     kind
	channel  Channel
	start    uint64
	number   uint64
	copies   byte
	from, to []byte // these three of the buffer that was parsed
	payload  []byte
}

const (
	frameMagic   = 'v'
	frameVersion = 1
	frameFixed   = 21
)

// maxName is the longest name of a node or a cluster.
const maxName = 64

// MaxPayload is the most that Send takes: with the longest names and cluster,
// and memberlist's encryption, it fits a packet of 1400 bytes.
const MaxPayload = 1152

// maxState is the most that a node tells of itself.
const maxState = 64 << 10

var (
	errFrameShort   = errors.New("the message is cut off")
	errFrameMagic   = errors.New("the message is not of this protocol")
	errFrameVersion = errors.New("the message is of another version")
	errFrameKind    = errors.New("the message is of no known kind")
	errFrameName    = errors.New("the message has a name of no or too many characters")
	errFrameLong    = errors.New("the message is too long")
)

// append encodes the frame.
func (f *frame) append(b []byte) []byte {
	b = append(b, frameMagic, frameVersion, byte(f.kind), byte(f.channel))
	b = binary.BigEndian.AppendUint64(b, f.start)
	b = binary.BigEndian.AppendUint64(b, f.number)
	b = append(b, f.copies, byte(len(f.from)))
	b = append(b, f.from...)
	b = append(b, byte(len(f.to)))
	b = append(b, f.to...)
	return append(b, f.payload...)
}

// parseFrame decodes what a peer sent.
func parseFrame(b []byte) (frame, error) {
	if len(b) < frameFixed+2 {
		return frame{}, errFrameShort
	}
	if b[0] != frameMagic {
		return frame{}, errFrameMagic
	}
	if b[1] != frameVersion {
		return frame{}, errFrameVersion
	}
	f := frame{
		kind:    kind(b[2]),
		channel: Channel(b[3]),
		start:   binary.BigEndian.Uint64(b[4:]),
		number:  binary.BigEndian.Uint64(b[12:]),
		copies:  b[20],
	}
	if f.kind < kindDirect || f.kind > kindProof {
		return frame{}, errFrameKind
	}
	b = b[frameFixed:]
	var err error
	if f.from, b, err = cutName(b, 1); err != nil {
		return frame{}, err
	}
	// State is for everyone.
	least := 1
	if f.kind == kindState {
		least = 0
	}
	if f.to, f.payload, err = cutName(b, least); err != nil {
		return frame{}, err
	}
	limit := MaxPayload
	if f.kind == kindState {
		limit = maxState
	}
	if len(f.payload) > limit {
		return frame{}, errFrameLong
	}
	return f, nil
}

// cutName takes a name and its length from the front.
func cutName(b []byte, least int) (name, rest []byte, err error) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, errFrameShort
	}
	n := int(b[0])
	if n < least || n > maxName {
		return nil, nil, errFrameName
	}
	return b[1 : 1+n], b[1+n:], nil
}

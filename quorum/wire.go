// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// The wire format, big-endian. A packet is a header and messages:
//
//	version 1, length of the header 2, count of messages 2, start 8, sender's name 1+n
//
// and a message is
//
//	length of what follows 2, kind 1, refusal 1, sequence 8, lists 2×16,
//	lease 8, remaining 8, resource's name 1+n, digest 16,
//	ballots: the message's, released, promised, holder
//
// with a ballot
//
//	counter 8, start 8, node's name 1+n
//
// Times are in nanoseconds. A newer version may only append to the header and to
// messages, which is why both say how long they are, and add kinds, which are
// skipped. Fields that a kind does not have are zero.

// WireVersion is the version of the format that Append writes.
const WireVersion = 1

// MaxMessages is how many messages a Packet may have.
const MaxMessages = math.MaxUint16

// Errors of Parse and Append.
var (
	ErrVersion = errors.New("version is not known")
	ErrLength  = errors.New("length is wrong")
	ErrValue   = errors.New("value is out of range")
)

// Packet is what one node says to another at one time, of all resources.
type Packet struct {
	From     string
	Start    uint64 // random, of the sender's present start: two nodes with one name differ in it
	Messages []Message
}

// Append appends the packet to b. A name that is longer than 255 bytes, a
// negative time or too many messages is an error.
func (p Packet) Append(b []byte) ([]byte, error) {
	if len(p.Messages) > MaxMessages {
		return b, fmt.Errorf("encoding a packet of %d messages: %w", len(p.Messages), ErrLength)
	}
	if len(p.From) > maxName {
		return b, fmt.Errorf("encoding a packet from %q: %w", p.From, ErrLength)
	}
	out := append(b, WireVersion)
	out = binary.BigEndian.AppendUint16(out, uint16(headerSize+len(p.From)))
	out = binary.BigEndian.AppendUint16(out, uint16(len(p.Messages)))
	out = binary.BigEndian.AppendUint64(out, p.Start)
	out = appendName(out, p.From)
	for i := range p.Messages {
		m := &p.Messages[i]
		if err := m.encodable(); err != nil {
			return b, fmt.Errorf("encoding a %v for %q: %w", m.Kind, m.Resource, err)
		}
		out = m.append(out)
	}
	return out, nil
}

// Sizes without names.
const (
	headerSize  = 1 + 2 + 2 + 8 + 1
	ballotSize  = 8 + 8 + 1
	messageSize = 2 + 1 + 1 + 8 + 2*16 + 8 + 8 + 1 + 16 + 4*ballotSize
)

// Size is how many bytes the message takes.
func (m *Message) Size() int {
	size := messageSize + len(m.Resource)
	for _, ballot := range m.ballots() {
		size += len(ballot.Node)
	}
	return size
}

// ballots are the fields in the order of the wire.
func (m *Message) ballots() [4]*Ballot {
	return [4]*Ballot{&m.Ballot, &m.Release, &m.Promised, &m.Holder}
}

func (m *Message) encodable() error {
	if len(m.Resource) > maxName {
		return ErrLength
	}
	for _, ballot := range m.ballots() {
		if len(ballot.Node) > maxName {
			return ErrLength
		}
	}
	if m.Kind < Prepare || m.Kind > Release || m.Lease < 0 || m.Remaining < 0 {
		return ErrValue
	}
	return nil
}

func (m *Message) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(m.Size()-2))
	b = append(b, byte(m.Kind), byte(m.Refusal))
	b = binary.BigEndian.AppendUint64(b, m.Sequence)
	b = append(b, m.Lists[0][:]...)
	b = append(b, m.Lists[1][:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Lease))
	b = binary.BigEndian.AppendUint64(b, uint64(m.Remaining))
	b = appendName(b, m.Resource)
	b = append(b, m.Digest[:]...)
	for _, ballot := range m.ballots() {
		b = binary.BigEndian.AppendUint64(b, ballot.Counter)
		b = binary.BigEndian.AppendUint64(b, ballot.Start)
		b = appendName(b, ballot.Node)
	}
	return b
}

func appendName(b []byte, name string) []byte {
	return append(append(b, byte(len(name))), name...)
}

// Pack encodes messages into as few packets of at most limit bytes as their
// order allows. A message that alone is longer gets a packet of its own.
func Pack(from string, start uint64, messages []Message, limit int) ([][]byte, error) {
	var packets [][]byte
	for len(messages) > 0 {
		size, n := headerSize+len(from), 0
		for n < len(messages) && n < MaxMessages && (n == 0 || size+messages[n].Size() <= limit) {
			size += messages[n].Size()
			n++
		}
		b, err := Packet{from, start, messages[:n]}.Append(make([]byte, 0, size))
		if err != nil {
			return nil, err
		}
		packets = append(packets, b)
		messages = messages[n:]
	}
	return packets, nil
}

// Parse decodes a packet. Of a newer version what this one doesn't know is
// skipped; of this version every byte must be accounted for. Messages of another
// kind are left out.
func Parse(b []byte) (Packet, error) {
	var p Packet
	in := reader{rest: b}
	version := in.uint8()
	size := int(in.uint16())
	if in.short || version == 0 {
		return p, fmt.Errorf("parsing a packet of %d bytes: %w", len(b), ErrVersion)
	}
	if size < headerSize || size > len(b) {
		return p, fmt.Errorf("parsing a packet of %d bytes: header of %d: %w", len(b), size, ErrLength)
	}
	newer := version > WireVersion
	head := reader{rest: b[3:size]}
	count := int(head.uint16())
	p.Start = head.uint64()
	p.From = head.name()
	if head.short || !newer && len(head.rest) > 0 {
		return Packet{}, fmt.Errorf("parsing a packet of %d bytes: header of %d: %w", len(b), size, ErrLength)
	}
	in.rest = b[size:]
	for i := range count {
		m, known, err := parseMessage(&in, newer)
		if err != nil {
			return Packet{}, fmt.Errorf("parsing message %d of %d of a packet from %q: %w", i+1, count, p.From, err)
		}
		if known {
			p.Messages = append(p.Messages, m)
		}
	}
	if !newer && len(in.rest) > 0 {
		return Packet{}, fmt.Errorf("parsing a packet from %q: %d bytes after it: %w", p.From, len(in.rest), ErrLength)
	}
	return p, nil
}

// parseMessage takes one message from in, and tells whether its kind is known.
func parseMessage(in *reader, newer bool) (m Message, known bool, err error) {
	body := reader{rest: in.take(int(in.uint16()))}
	if in.short {
		return m, false, ErrLength
	}
	m.Kind, m.Refusal = Kind(body.uint8()), Refusal(body.uint8())
	if newer && (m.Kind < Prepare || m.Kind > Release) {
		return m, false, nil
	}
	m.Sequence = body.uint64()
	copy(m.Lists[0][:], body.take(16))
	copy(m.Lists[1][:], body.take(16))
	m.Lease = time.Duration(body.uint64())
	m.Remaining = time.Duration(body.uint64())
	m.Resource = body.name()
	copy(m.Digest[:], body.take(16))
	for _, ballot := range m.ballots() {
		ballot.Counter = body.uint64()
		ballot.Start = body.uint64()
		ballot.Node = body.name()
	}
	if body.short || !newer && len(body.rest) > 0 {
		return m, false, ErrLength
	}
	return m, true, m.encodable()
}

// reader takes fields from bytes. Beyond their end it is short and gives zeros.
type reader struct {
	rest  []byte
	short bool
}

// take takes n bytes, or none if there are fewer.
func (r *reader) take(n int) []byte {
	if r.short || n > len(r.rest) {
		r.short, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) uint8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) name() string { return string(r.take(int(r.uint8()))) }

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Append appends the packet to b. A name that is longer than 255 bytes, a
// negative time or too many messages is an error.
func (p Packet) Append(b []byte) ([]byte, error) {
	if len(p.Messages) > MaxMessages {
		return b, fmt.Errorf("encoding a packet of %d messages: %w", len(p.Messages), ErrLength)
	}
	if len(p.From) > maxName {
		return b, fmt.Errorf("encoding a packet from %q: %w", p.From, ErrLength)
	}
	e := encoder{b: b}
	at := e.begin(p.From, p.Start)
	for i := range p.Messages {
		if err := e.message(&p.Messages[i]); err != nil {
			return b, err
		}
	}
	e.count(at, len(p.Messages))
	return e.b, nil
}

// Pack encodes messages into as few packets of at most limit bytes as their
// order allows. A message that alone is longer gets a packet of its own.
func Pack(from string, start uint64, messages []Message, limit int) ([][]byte, error) {
	return new(Packer).Pack(from, start, messages, limit)
}

// Packer packs again and again into the same memory. Its zero value is ready;
// one goroutine may use it at a time.
type Packer struct {
	e       encoder
	ends    []int
	packets [][]byte
}

// Pack is the function Pack. What it returns is valid until the next call.
func (p *Packer) Pack(from string, start uint64, messages []Message, limit int) ([][]byte, error) {
	if len(from) > maxName {
		return nil, fmt.Errorf("encoding a packet from %q: %w", from, ErrLength)
	}
	p.e.b, p.ends = p.e.b[:0], p.ends[:0]
	at, count := 0, 0
	for i := range messages {
		before := len(p.e.b)
		if count == 0 {
			at = p.e.begin(from, start)
		}
		if err := p.e.message(&messages[i]); err != nil {
			return nil, err
		}
		if count++; count > 1 && (len(p.e.b)-at > limit || count > MaxMessages) {
			p.e.b = p.e.b[:before]
			p.end(at, count-1)
			at, count = p.e.begin(from, start), 1
			if err := p.e.message(&messages[i]); err != nil {
				return nil, err
			}
		}
	}
	if count > 0 {
		p.end(at, count)
	}
	p.packets, at = p.packets[:0], 0
	for _, end := range p.ends {
		p.packets = append(p.packets, p.e.b[at:end:end])
		at = end
	}
	return p.packets, nil
}

// end ends the packet that begins at at.
func (p *Packer) end(at, count int) {
	p.e.count(at, count)
	p.ends = append(p.ends, len(p.e.b))
}

// encoder appends packets to b.
type encoder struct {
	b []byte
	tables
}

// begin appends a header without the count, and tells where it is.
func (e *encoder) begin(from string, start uint64) int {
	at := len(e.b)
	e.reset(life{from, start})
	e.b = append(e.b, WireVersion)
	e.b = binary.BigEndian.AppendUint16(e.b, uint16(headerSize+len(from)))
	e.b = append(e.b, 0, 0)
	e.b = binary.BigEndian.AppendUint64(e.b, start)
	e.name(from)
	return at
}

// count completes the header at at.
func (e *encoder) count(at, n int) {
	binary.BigEndian.PutUint16(e.b[at+3:], uint16(n))
}

// message appends a message with its length.
func (e *encoder) message(m *Message) error {
	if err := m.encodable(); err != nil {
		return fmt.Errorf("encoding a %v for %q: %w", m.Kind, m.Resource, err)
	}
	at := len(e.b)
	e.b = append(e.b, 0) // mostly its length takes one byte
	e.body(m)
	size := uint64(len(e.b) - at - 1)
	if size < 1<<7 {
		e.b[at] = byte(size)
		return nil
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], size)
	e.b = slices.Replace(e.b, at, at+1, length[:n]...)
	return nil
}

func (e *encoder) body(m *Message) {
	fields := m.fields()
	e.b = append(e.b, byte(m.Kind))
	e.varint(fields)
	e.name(m.Resource)
	e.b = append(e.b, m.Digest[:]...)
	e.varint(m.Sequence)
	e.ballot(&m.Ballot)
	n := e.tables.lists.number(m.Lists)
	if e.varint(n); n == 0 {
		e.b = append(append(e.b, m.Lists[0][:]...), m.Lists[1][:]...)
		e.tables.lists.add(m.Lists)
	}
	if fields == 0 {
		return
	}
	if fields&hasLease != 0 {
		n := e.leases.number(m.Lease)
		if e.varint(n); n == 0 {
			e.varint(uint64(m.Lease))
			e.leases.add(m.Lease)
		}
	}
	if fields&hasRelease != 0 {
		e.ballot(&m.Release)
	}
	if fields&hasRefusal != 0 {
		e.b = append(e.b, byte(m.Refusal))
	}
	if fields&hasPromised != 0 {
		e.ballot(&m.Promised)
	}
	if fields&hasHolder != 0 {
		e.ballot(&m.Holder)
	}
	if fields&hasRemaining != 0 {
		e.varint(uint64(m.Remaining))
	}
}

func (e *encoder) varint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }

func (e *encoder) name(name string) {
	e.b = append(append(e.b, byte(len(name))), name...)
}

func (e *encoder) ballot(b *Ballot) {
	e.varint(b.Counter)
	l := life{b.Node, b.Start}
	n := e.lives.number(l)
	if e.varint(n); n == 0 {
		e.b = binary.BigEndian.AppendUint64(e.b, b.Start)
		e.name(b.Node)
		e.lives.add(l)
	}
}

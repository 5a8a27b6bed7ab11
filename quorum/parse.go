// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Parse decodes a packet. Of a newer version what this one doesn't know is
// skipped; of this version every byte must be accounted for. Messages of another
// kind are left out.
func Parse(b []byte) (Packet, error) { return new(Parser).Parse(b) }

// Parser parses again and again into the same memory. Its zero value is ready;
// one goroutine may use it at a time.
type Parser struct {
	messages []Message
	names    map[string]string
	tables
}

// maxNames is how many names a Parser keeps: more than a cluster has.
const maxNames = 4096

// Parse is the function Parse. The messages are valid until the next call, and
// nothing of b is kept.
func (p *Parser) Parse(b []byte) (Packet, error) {
	if len(p.names) > maxNames {
		p.names = nil
	}
	if p.names == nil {
		p.names = map[string]string{}
	}
	in := reader{rest: b, names: p.names}
	version := in.uint8()
	size := int(in.uint16())
	if in.short || version == 0 {
		return Packet{}, fmt.Errorf("parsing a packet of %d bytes: %w", len(b), ErrVersion)
	}
	if size < headerSize || size > len(b) {
		return Packet{}, fmt.Errorf("parsing a packet of %d bytes: header of %d: %w", len(b), size, ErrLength)
	}
	newer := version > WireVersion
	head := reader{rest: b[3:size], names: p.names}
	count := int(head.uint16())
	start := head.uint64()
	from := head.name()
	if head.short || !newer && len(head.rest) > 0 {
		return Packet{}, fmt.Errorf("parsing a packet of %d bytes: header of %d: %w", len(b), size, ErrLength)
	}
	in.rest = b[size:]
	p.reset(life{from, start})
	p.messages = p.messages[:0]
	for i := range count {
		if err := p.message(&in, newer); err != nil {
			return Packet{}, fmt.Errorf("parsing message %d of %d of a packet from %q: %w", i+1, count, from, err)
		}
	}
	if !newer && len(in.rest) > 0 {
		return Packet{}, fmt.Errorf("parsing a packet from %q: %d bytes after it: %w", from, len(in.rest), ErrLength)
	}
	return Packet{from, start, p.messages}, nil
}

// message takes one message from in, and keeps it if its kind is known.
func (p *Parser) message(in *reader, newer bool) error {
	size := in.varint()
	body := reader{rest: in.take(size), names: in.names}
	if in.short {
		return ErrLength
	}
	kind := Kind(body.uint8())
	if newer && (kind < Prepare || kind > Release) {
		return nil
	}
	p.messages = append(p.messages, Message{Kind: kind})
	m := &p.messages[len(p.messages)-1]
	fields := body.varint()
	p.body(m, &body, fields)
	switch {
	case body.short || !newer && len(body.rest) > 0:
		return ErrLength
	case body.wrong || !newer && fields >= hasUnknown:
		return ErrValue
	}
	return m.encodable()
}

func (p *Parser) body(m *Message, in *reader, fields uint64) {
	m.Resource = in.name()
	copy(m.Digest[:], in.take(uint64(len(m.Digest))))
	m.Sequence = in.varint()
	m.Ballot = p.ballot(in)
	m.Lists = p.said(in)
	m.Promised = m.implied()
	if fields == 0 {
		return
	}
	if fields&hasLease != 0 {
		m.Lease = p.lease(in)
	}
	if fields&hasRelease != 0 {
		m.Release = p.ballot(in)
	}
	if fields&hasRefusal != 0 {
		m.Refusal = Refusal(in.uint8())
	}
	if fields&hasPromised != 0 {
		m.Promised = p.ballot(in)
	}
	if fields&hasHolder != 0 {
		m.Holder = p.ballot(in)
	}
	if fields&hasRemaining != 0 {
		m.Remaining = in.duration()
	}
}

func (p *Parser) ballot(in *reader) Ballot {
	counter, n := in.varint(), in.varint()
	l, ok := p.lives.at(n)
	if n == 0 {
		l.start = in.uint64()
		l.node = in.name()
		p.lives.add(l)
	} else if !ok {
		in.wrong = true
	}
	return Ballot{counter, l.node, l.start}
}

func (p *Parser) said(in *reader) [2]Digest {
	n := in.varint()
	lists, ok := p.lists.at(n)
	if n == 0 {
		copy(lists[0][:], in.take(uint64(len(lists[0]))))
		copy(lists[1][:], in.take(uint64(len(lists[1]))))
		p.lists.add(lists)
	} else if !ok {
		in.wrong = true
	}
	return lists
}

func (p *Parser) lease(in *reader) time.Duration {
	n := in.varint()
	lease, ok := p.leases.at(n)
	if n == 0 {
		lease = in.duration()
		p.leases.add(lease)
	} else if !ok {
		in.wrong = true
	}
	return lease
}

// reader takes fields from bytes. Beyond their end it is short and gives zeros;
// it is wrong after a value that can't be.
type reader struct {
	rest  []byte
	short bool
	wrong bool
	names map[string]string
}

// take takes n bytes, or none if there are fewer.
func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.rest)) {
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

func (r *reader) varint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.short, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) duration() time.Duration {
	n := r.varint()
	if n > math.MaxInt64 {
		r.wrong = true
		return 0
	}
	return time.Duration(n)
}

// name is one that was seen before, or a copy.
func (r *reader) name() string {
	b := r.take(uint64(r.uint8()))
	if name, ok := r.names[string(b)]; ok {
		return name
	}
	name := string(b)
	r.names[name] = name
	return name
}

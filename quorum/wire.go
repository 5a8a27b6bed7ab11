// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"math"
	"time"
)

// The wire format. Fixed numbers are big-endian; the others are varints as
// encoding/binary has them. A packet is a header and messages:
//
//	version 1, length of the header 2, count of messages 2, start 8, sender's name
//
// and a message is
//
//	length of what follows varint, kind 1, fields varint,
//	resource's name, digest 8, sequence varint, ballot, lists,
//	then those that fields names, in the order of its bits from the least:
//	lease, released ballot, refusal 1, promised ballot, holder's ballot, remaining varint
//
// What fields doesn't name is zero, but the ballot promised in an answer is that
// of the message. A name is its length 1 and so many bytes; a ballot is
//
//	counter varint, life
//
// Messages of a packet have much in common. A life (start 8, node's name), the
// lists (2×8) and a lease (varint) are said once: each is a number, 0 with the
// value after it, or which of those said before it is, the first of them 1. The
// first life is the sender's, said by the header. No more than 127 are counted;
// what comes after is said in full. A renewal thus takes 20 bytes and the
// resource's name.
//
// Times are in nanoseconds. A newer version may only append to the header and to
// messages, which is why both say how long they are, add bits to fields for what
// it appends, and add kinds, which are skipped and say nothing that later
// messages count.

// WireVersion is the version of the format that Append writes.
const WireVersion = 1

// MaxMessages is how many messages a Packet may have.
const MaxMessages = math.MaxUint16

// Errors of Parse, Pack and Append.
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

// headerSize is that of a header without the name.
const headerSize = 1 + 2 + 2 + 8 + 1

// The bits of a message's fields.
const (
	hasLease = 1 << iota
	hasRelease
	hasRefusal
	hasPromised
	hasHolder
	hasRemaining
	hasUnknown // the least that this version doesn't know
)

// life is a start of a node.
type life struct {
	node  string
	start uint64
}

// table has the values that a packet has said.
type table[T comparable] []T

// counted is how many values a table has at most: their numbers take a byte.
const counted = 127

// number is that of v, or 0 if it is to be said in full.
func (t table[T]) number(v T) uint64 {
	for i := range t {
		if t[i] == v {
			return uint64(i + 1)
		}
	}
	return 0
}

// add counts v.
func (t *table[T]) add(v T) {
	if len(*t) < counted {
		*t = append(*t, v)
	}
}

// at is the value with that number.
func (t table[T]) at(number uint64) (v T, ok bool) {
	if number == 0 || number > uint64(len(t)) {
		return v, false
	}
	return t[number-1], true
}

// tables are what a packet has said so far.
type tables struct {
	lives  table[life]
	lists  table[[2]Digest]
	leases table[time.Duration]
}

// reset forgets everything but who the sender is.
func (t *tables) reset(sender life) {
	t.lives = append(t.lives[:0], sender)
	t.lists, t.leases = t.lists[:0], t.leases[:0]
}

// implied is the ballot promised that a message has unless it names another.
func (m *Message) implied() Ballot {
	if m.Kind == Promise || m.Kind == Accepted {
		return m.Ballot
	}
	return Ballot{}
}

// fields are the bits of what the message names.
func (m *Message) fields() uint64 {
	var fields uint64
	for _, f := range [...]struct {
		is  bool
		bit uint64
	}{
		{m.Lease != 0, hasLease},
		{!m.Release.IsZero(), hasRelease},
		{m.Refusal != None, hasRefusal},
		{m.Promised != m.implied(), hasPromised},
		{!m.Holder.IsZero(), hasHolder},
		{m.Remaining != 0, hasRemaining},
	} {
		if f.is {
			fields |= f.bit
		}
	}
	return fields
}

func (m *Message) encodable() error {
	for _, name := range [...]string{m.Resource, m.Ballot.Node, m.Release.Node, m.Promised.Node, m.Holder.Node} {
		if len(name) > maxName {
			return ErrLength
		}
	}
	if m.Kind < Prepare || m.Kind > Release || m.Lease < 0 || m.Remaining < 0 {
		return ErrValue
	}
	return nil
}

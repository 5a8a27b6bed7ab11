// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// What netlink's messages are made of (linux/netlink.h, linux/genetlink.h).
const (
	headerSize    = 16 // struct nlmsghdr
	genericSize   = 4  // struct genlmsghdr
	attributeSize = 4  // struct nlattr

	kindError = 2 // NLMSG_ERROR, an acknowledgement too
	kindDone  = 3 // NLMSG_DONE

	flagRequest = 0x1
	flagAck     = 0x4
	flagDump    = 0x300
	flagCapped  = 0x100 // the request is cut to its header
	flagTexts   = 0x200 // attributes follow

	attributeNested = 1 << 15
	attributeMask   = 1<<14 - 1
	attributeText   = 1 // NLMSGERR_ATTR_MSG
)

// command is a generic netlink command and its attributes.
type command struct {
	id   uint8
	body []byte
}

// append appends the command as a request to the family.
func (c command) append(b []byte, family, flags uint16, seq uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(headerSize+genericSize+len(c.body)))
	b = binary.NativeEndian.AppendUint16(b, family)
	b = binary.NativeEndian.AppendUint16(b, flagRequest|flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // the socket's address, which the kernel knows
	b = append(b, c.id, genericVersion, 0, 0)
	return append(b, c.body...) // a multiple of 4
}

// appendBytes appends an attribute.
func appendBytes(b []byte, kind uint16, value ...byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(attributeSize+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, align(len(value))-len(value))...)
}

func append16(b []byte, kind, v uint16) []byte {
	return appendBytes(b, kind, binary.NativeEndian.AppendUint16(nil, v)...)
}

func append32(b []byte, kind uint16, v uint32) []byte {
	return appendBytes(b, kind, binary.NativeEndian.AppendUint32(nil, v)...)
}

// appendPort appends a number in the network's order.
func appendPort(b []byte, kind, v uint16) []byte { return appendBytes(b, kind, byte(v>>8), byte(v)) }

func appendString(b []byte, kind uint16, s string) []byte {
	return appendBytes(b, kind, append([]byte(s), 0)...)
}

// appendNested appends an attribute that holds what fill appends.
func appendNested(b []byte, kind uint16, fill func([]byte) []byte) []byte {
	at := len(b)
	b = fill(append(b, make([]byte, attributeSize)...))
	binary.NativeEndian.PutUint16(b[at:], uint16(len(b)-at))
	binary.NativeEndian.PutUint16(b[at+2:], kind|attributeNested)
	return b
}

// align rounds up to what messages and attributes begin at.
func align(n int) int { return (n + 3) &^ 3 }

// messages is a datagram of netlink messages.
type messages []byte

// message is one of them; data is what follows its header.
type message struct {
	kind, flags uint16
	seq         uint32
	data        []byte
}

// all yields the messages. It ends at the first that is not whole.
func (ms messages) all(yield func(message) bool) {
	for len(ms) >= headerSize {
		n := binary.NativeEndian.Uint32(ms)
		if n < headerSize || uint64(n) > uint64(len(ms)) {
			return
		}
		m := message{
			kind:  binary.NativeEndian.Uint16(ms[4:]),
			flags: binary.NativeEndian.Uint16(ms[6:]),
			seq:   binary.NativeEndian.Uint32(ms[8:]),
			data:  ms[headerSize:n],
		}
		if !yield(m) {
			return
		}
		ms = ms[min(align(int(n)), len(ms)):]
	}
}

// attributes are those of a generic netlink message.
func (m message) attributes() attributes {
	if len(m.data) < genericSize {
		return nil
	}
	return attributes(m.data[genericSize:])
}

// kernelError is an errno with what the kernel said about it.
type kernelError struct {
	errno syscall.Errno
	text  string
}

func (e *kernelError) Error() string { return fmt.Sprintf("%v: %s", e.errno, e.text) }
func (e *kernelError) Unwrap() error { return e.errno }

// err is the outcome in a message of kindError or kindDone; nil means success.
func (m message) err() error {
	if len(m.data) < 4 {
		return nil
	}
	code := int32(binary.NativeEndian.Uint32(m.data))
	if code >= 0 {
		return nil
	}
	errno := syscall.Errno(-code)
	rest := m.data[4:]
	if m.kind == kindError { // a copy of the request's header comes first
		if m.flags&flagCapped == 0 || len(rest) < headerSize {
			return errno
		}
		rest = rest[headerSize:]
	}
	if m.flags&flagTexts == 0 {
		return errno
	}
	for kind, v := range attributes(rest).all {
		if kind == attributeText {
			return &kernelError{errno, v.text()}
		}
	}
	return errno
}

// attributes is a sequence of netlink attributes.
type attributes []byte

// all yields each attribute's type, without its flags, and value. It ends at the
// first that is not whole.
func (as attributes) all(yield func(uint16, value) bool) {
	for len(as) >= attributeSize {
		n := int(binary.NativeEndian.Uint16(as))
		if n < attributeSize || n > len(as) {
			return
		}
		if !yield(binary.NativeEndian.Uint16(as[2:])&attributeMask, value(as[attributeSize:n])) {
			return
		}
		as = as[min(align(n), len(as)):]
	}
}

// nested are the attributes in the first one of the kind.
func (as attributes) nested(kind uint16) attributes {
	for k, v := range as.all {
		if k == kind {
			return attributes(v)
		}
	}
	return nil
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A document, which a message and a node's state are, is a version and fields:
//
//	version 1, then per field: tag, length n, value n
//
// Tags, lengths and numbers are unsigned varints. What is zero or empty is left
// out. Later versions of vicar add fields, and to the end of a resource, which
// is why those that are not known are skipped; the version is raised only by
// what nobody older may read.
const version = 1

// Errors of what others sent.
var (
	errVersion = errors.New("the version is not known")
	errLength  = errors.New("the length is wrong")
	errValue   = errors.New("a value is out of range")
)

const (
	maxNode  = 64                       // a node's name on the peer link
	maxName  = 253 + len("sync group ") // a resource: a router's or a group's name
	maxText  = 256                      // a version, a digest
	maxToken = 1024                     // two ballots of a guard, and room
)

func appendBytes[T string | []byte](b []byte, tag uint64, v T) []byte {
	if len(v) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, tag)
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func appendNumber(b []byte, tag, v uint64) []byte {
	if v == 0 {
		return b
	}
	var n [binary.MaxVarintLen64]byte
	return appendBytes(b, tag, n[:binary.PutUvarint(n[:], v)])
}

// fields calls each for the fields of a document.
func fields(b []byte, each func(tag uint64, value []byte) error) error {
	if len(b) == 0 {
		return errLength
	}
	if b[0] != version {
		return fmt.Errorf("%w: %d", errVersion, b[0])
	}
	b = b[1:]
	for len(b) > 0 {
		tag, rest, err := number(b)
		if err != nil {
			return err
		}
		value, rest, err := counted(rest)
		if err != nil {
			return err
		}
		if err := each(tag, value); err != nil {
			return fmt.Errorf("field %d: %w", tag, err)
		}
		b = rest
	}
	return nil
}

// number reads a number, and returns what is behind it.
func number(b []byte) (v uint64, rest []byte, err error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errLength
	}
	return v, b[n:], nil
}

// counted reads a length and as many bytes.
func counted(b []byte) (value, rest []byte, err error) {
	n, b, err := number(b)
	if err != nil || n > uint64(len(b)) {
		return nil, nil, errLength
	}
	return b[:n], b[n:], nil
}

// whole is the number that is all of a value.
func whole(value []byte) (uint64, error) {
	v, rest, err := number(value)
	if err == nil && len(rest) > 0 {
		err = errLength
	}
	return v, err
}

// text is a value as text, which goes into status and log.
func text(value []byte, most int) (string, error) {
	if len(value) > most || !utf8.Valid(value) {
		return "", errValue
	}
	return string(value), nil
}

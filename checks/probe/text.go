// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// errorSize is how many bytes of an error that may quote a peer are shown.
const errorSize = 400

// peerError is an error that may quote a peer.
type peerError struct{ err error }

// harmless makes the text of an error that may quote a peer fit for a log: on
// one line, not long, and without what a terminal would obey. What errors.Is
// and As find in it stays.
func harmless(err error) error {
	if err == nil {
		return nil
	}
	return &peerError{err}
}

func (e *peerError) Error() string {
	s := e.err.Error()
	short := strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s[:min(len(s), errorSize)])
	if len(s) > errorSize {
		short += "..."
	}
	return short
}

func (e *peerError) Unwrap() error { return e.err }

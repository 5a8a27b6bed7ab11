// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestHarmless(t *testing.T) {
	if harmless(nil) != nil {
		t.Error("nil has become an error")
	}
	err := harmless(errors.Join(io.ErrUnexpectedEOF, errors.New("\x1b[2J\xff\u202e"+strings.Repeat("ä", 1000))))
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	s := err.Error()
	if want := "unexpected EOF??[2J??äää"; !strings.HasPrefix(s, want) {
		t.Errorf("got %q, want %q...", s, want)
	}
	if len(s) > errorSize+3 || !utf8.ValidString(s) {
		t.Errorf("got %d bytes: %q", len(s), s)
	}
}

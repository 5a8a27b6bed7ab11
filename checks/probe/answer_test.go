// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// endless says x for ever.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	e.read += len(b)
	return len(b), nil
}

func TestReadMatch(t *testing.T) {
	long := strings.Repeat("x", answerSize-2)
	for _, c := range []struct {
		name, pattern string
		from          io.Reader
		want          string
	}{
		{name: "at once", pattern: "ok", from: strings.NewReader("ok")},
		{name: "in pieces", pattern: "^a+b$", from: iotest.OneByteReader(strings.NewReader("aaab"))},
		{name: "without the rest", pattern: "ok", from: io.MultiReader(strings.NewReader("ok"), iotest.ErrReader(io.ErrUnexpectedEOF))},
		{name: "with the end", pattern: "ok", from: iotest.DataErrReader(strings.NewReader("ok"))},
		{name: "last that is read", pattern: "ok$", from: io.MultiReader(strings.NewReader(long), strings.NewReader("ok"))},
		{name: "behind what is read", pattern: "ok", from: strings.NewReader(long + "xok"), want: "answers without end"},
		{name: "other", pattern: "ok", from: strings.NewReader("no"), want: `its answer "no" does not match "ok"`},
		{name: "none", pattern: "ok", from: strings.NewReader(""), want: "closes the connection without an answer"},
		{name: "then an error", pattern: "ok", from: io.MultiReader(strings.NewReader("o"), iotest.ErrReader(io.ErrUnexpectedEOF)), want: `its answer "o" does not match "ok", then: unexpected EOF`},
		{name: "an error", pattern: "ok", from: iotest.ErrReader(io.ErrUnexpectedEOF), want: "unexpected EOF"},
		{name: "shown in part", pattern: "ok", from: strings.NewReader(strings.Repeat("y", 100)), want: `"` + strings.Repeat("y", excerptSize) + `"...`},
	} {
		t.Run(c.name, func(t *testing.T) {
			re, err := compile(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			want(t, readMatch(t.Context(), c.from, re), c.want)
		})
	}
}

// TestReadMatchLimits: neither much nor little at a time goes on for ever.
func TestReadMatchLimits(t *testing.T) {
	re, err := compile("ok")
	if err != nil {
		t.Fatal(err)
	}
	e := new(endless)
	if err := readMatch(t.Context(), e, re); !errors.Is(err, errTooMuch) || e.read != answerSize {
		t.Errorf("got %v after %d bytes, want %v after %d", err, e.read, errTooMuch, answerSize)
	}
	e = new(endless)
	if err := readMatch(t.Context(), iotest.OneByteReader(e), re); !errors.Is(err, errTooMuch) || e.read != answerPieces {
		t.Errorf("got %v after %d bytes one by one, want %v after %d", err, e.read, errTooMuch, answerPieces)
	}
}

// FuzzReadMatch: the pieces that an answer comes in don't matter, for a pattern
// that has no end.
func FuzzReadMatch(f *testing.F) {
	f.Add([]byte("hello ok there"))
	f.Add([]byte("o\xffk"))
	f.Add([]byte{})
	re, err := compile("(?s)o.?k")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= answerPieces {
			return
		}
		whole := readMatch(t.Context(), bytes.NewReader(b), re)
		pieces := readMatch(t.Context(), iotest.OneByteReader(bytes.NewReader(b)), re)
		if (whole == nil) != (pieces == nil) || (whole == nil) != re.Match(b) {
			t.Errorf("%q at once: %v; byte by byte: %v", b, whole, pieces)
		}
	})
}

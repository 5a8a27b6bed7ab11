// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// KeyFile is the content of a key file: a key in base64 or hexadecimal per
// line, of 16, 24 or 32 bytes, the one to encrypt with first. What follows # is
// a comment.
//
// A key is replaced in three steps. Each is done to the file on one node, the
// file is copied to all others, and all are reloaded, before the next:
//
//	AddKey      the new key is accepted by all, and not used yet
//	PromoteKey  it encrypts; the old one is still accepted
//	DropKey     the old one is gone
//
// The file remembers by comments where it stands: the key of AddKey is marked
// "# next", the one that PromoteKey took the place of "# old". None of the three
// changes the file that it is called for.
type KeyFile struct {
	lines []keyLine
}

type keyLine struct {
	key     []byte // nil: none
	text    string // without its comment
	comment string // with its #
}

// Step is what is to be done next to replace a key.
type Step uint8

const (
	StepAdd     Step = 1 + iota // no replacement is under way
	StepPromote                 // a key is marked as the next one
	StepDrop                    // a key is marked as old
)

const (
	markNext = "# next"
	markOld  = "# old"
)

// ErrStep is a step of replacing a key that is not the next one.
var ErrStep = errors.New("that is not the next step of replacing a key")

// NewKeyFile is a file with one key that GenerateKey made.
func NewKeyFile(key string) (KeyFile, error) { return ParseKeyFile(key + "\n") }

// ParseKeyFile reads a key file's text. Errors name the line and never what it
// says.
func ParseKeyFile(text string) (KeyFile, error) {
	if len(text) > maxKeyFile {
		return KeyFile{}, fmt.Errorf("it is longer than %d bytes", maxKeyFile)
	}
	var f KeyFile
	for line := range strings.Lines(text) {
		at := len(f.lines) + 1
		var l keyLine
		var found bool
		l.text, l.comment, found = strings.Cut(strings.TrimSuffix(line, "\n"), "#")
		if l.text = strings.TrimSpace(l.text); found {
			l.comment = "#" + strings.TrimRight(l.comment, " \t\r")
		}
		if l.text != "" {
			var ok bool
			if l.key, ok = parseKey(l.text); !ok {
				return KeyFile{}, fmt.Errorf("line %d is not a key of 16, 24 or 32 bytes in base64 or hexadecimal", at)
			}
		}
		f.lines = append(f.lines, l)
	}
	return f, validKeys(f.Keys())
}

// Keys are the file's keys in their order.
func (f KeyFile) Keys() [][]byte {
	var keys [][]byte
	for _, l := range f.lines {
		if l.key != nil {
			keys = append(keys, l.key)
		}
	}
	return keys
}

// String is the text to write.
func (f KeyFile) String() string {
	var b strings.Builder
	for _, l := range f.lines {
		b.WriteString(l.text)
		if l.text != "" && l.comment != "" {
			b.WriteByte(' ')
		}
		b.WriteString(l.comment)
		b.WriteByte('\n')
	}
	return b.String()
}

// Next is what is to be done next.
func (f KeyFile) Next() Step {
	switch {
	case f.marked(markOld) >= 0:
		return StepDrop
	case f.marked(markNext) >= 0:
		return StepPromote
	}
	return StepAdd
}

// marked is the line of the first key with a mark, or -1.
func (f KeyFile) marked(mark string) int {
	return slices.IndexFunc(f.lines, func(l keyLine) bool { return l.key != nil && l.comment == mark })
}

// first is the line of the key that encrypts.
func (f KeyFile) first() int {
	return slices.IndexFunc(f.lines, func(l keyLine) bool { return l.key != nil })
}

// AddKey puts a key that GenerateKey made behind the first one, as the next.
func (f KeyFile) AddKey(key string) (KeyFile, error) {
	if f.Next() != StepAdd {
		return KeyFile{}, fmt.Errorf("adding a key: %w: one is being replaced", ErrStep)
	}
	b, ok := parseKey(key)
	if !ok {
		return KeyFile{}, errors.New("adding a key: it is none")
	}
	next := KeyFile{slices.Insert(slices.Clone(f.lines), f.first()+1, keyLine{key: b, text: key, comment: markNext})}
	return next, validKeys(next.Keys())
}

// PromoteKey makes the next key the first one, and the first one old.
func (f KeyFile) PromoteKey() (KeyFile, error) {
	if f.Next() != StepPromote {
		return KeyFile{}, fmt.Errorf("promoting a key: %w: none is marked %q", ErrStep, markNext)
	}
	lines := slices.Clone(f.lines)
	at, first := f.marked(markNext), f.first()
	promoted := lines[at]
	promoted.comment = ""
	if at == first { // moved by hand
		lines[at] = promoted
		if i := slices.IndexFunc(lines[at+1:], func(l keyLine) bool { return l.key != nil }); i >= 0 {
			lines[at+1+i].comment = markOld
		}
		return KeyFile{lines}, nil
	}
	lines[first].comment = markOld
	lines = slices.Insert(slices.Delete(lines, at, at+1), first, promoted)
	return KeyFile{lines}, nil
}

// DropKey takes the old key away.
func (f KeyFile) DropKey() (KeyFile, error) {
	if f.Next() != StepDrop {
		return KeyFile{}, fmt.Errorf("dropping a key: %w: none is marked %q", ErrStep, markOld)
	}
	next := KeyFile{slices.DeleteFunc(slices.Clone(f.lines), func(l keyLine) bool { return l.key != nil && l.comment == markOld })}
	return next, validKeys(next.Keys())
}

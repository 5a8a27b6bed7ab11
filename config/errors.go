// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing that is wrong, or worth a warning, with its place.
type Error struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 if the file as a whole is meant
	Column int    `json:"column,omitempty"` // from 1, in characters
	Path   string `json:"path,omitempty"`   // as in routers.web.vrid
	// Message says what is wrong, Hint what to write instead.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`

	source string // the line's text
}

// Error is the error on one line: file:line:column: path: message; hint.
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Excerpt is the error with the line it is about and a caret under the place,
// for people. It ends in a newline.
func (e Error) Excerpt() string {
	if e.Line == 0 || strings.TrimSpace(e.source) == "" {
		return e.Error() + "\n"
	}
	number := fmt.Sprintf("%5d", e.Line)
	var pad strings.Builder
	column := 1
	for _, r := range e.source {
		if column >= e.Column {
			break
		}
		if r != '\t' {
			r = ' '
		}
		pad.WriteRune(r)
		column++
	}
	return fmt.Sprintf("%s\n%s | %s\n%s | %s^\n", e.Error(), number, e.source, strings.Repeat(" ", len(number)), pad.String())
}

// Errors are all errors of a file (or all its warnings) in its order.
type Errors []Error

// Error is one error per line, without a newline at the end.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Excerpts is each error with its line and a caret under the place.
func (es Errors) Excerpts() string {
	var b strings.Builder
	for _, e := range es {
		b.WriteString(e.Excerpt())
	}
	return b.String()
}

// sorted puts errors into the file's order and drops repetitions.
func (es Errors) sorted() Errors {
	slices.SortStableFunc(es, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return slices.CompactFunc(es, func(a, b Error) bool {
		return a.Line == b.Line && a.Column == b.Column && a.Path == b.Path && a.Message == b.Message
	})
}

// shown makes text from the file fit for an error message.
func shown(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "..."
	}
	quoted := fmt.Sprintf("%q", text)
	if quoted == `"`+text+`"` && text != "" && !strings.ContainsAny(text, " \t") {
		return text
	}
	return quoted
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// mark is a place in the file. A value that is not in the file has line 0.
type mark struct {
	line, column int
	path         string
}

func (m mark) present() bool { return m.line > 0 }

// under is the mark of a key's or an item's value, as far as its path.
func (m mark) under(key string) mark {
	if m.path != "" && !strings.HasPrefix(key, "[") {
		key = "." + key
	}
	m.path += key
	return m
}

// reader is one file while it is read. It collects what is wrong.
type reader struct {
	file  string
	lines []string
	// nodeNames are the keys of nodes, read before anything else.
	nodeNames []string
	errors    Errors
	warnings  Errors
	beyond    Errors            // of other files, in order
	given     map[string][]byte // what the servers' files have; nil: they are read
	served    map[string][]byte // what those had that are there
}

// bad notes an error: what is wrong and what to write instead.
func (r *reader) bad(at mark, message, hint string) {
	r.errors = append(r.errors, r.note(at, message, hint))
}

// warn notes a warning.
func (r *reader) warn(at mark, message, hint string) {
	r.warnings = append(r.warnings, r.note(at, message, hint))
}

func (r *reader) note(at mark, message, hint string) Error {
	e := Error{File: r.file, Line: at.line, Column: at.column, Path: at.path, Message: message, Hint: hint}
	if at.line > 0 && at.line <= len(r.lines) {
		e.source = r.lines[at.line-1]
	}
	return e
}

// Limits that keep a hostile or broken file from costing more than it is
// worth; the parser recurses.
const (
	maxLines  = 20000
	maxLine   = 4096 // bytes in a line
	maxDepth  = 64   // brackets open at once
	maxDashes = 8    // lists that begin in one line
)

// preflight refuses what the YAML parser should not see. It stops at the
// first.
func (r *reader) preflight(data []byte) bool {
	if len(data) > maxSize {
		r.bad(mark{}, "the file is larger than 1 MiB", "that can't be a vicar configuration")
		return false
	}
	if len(r.lines) > maxLines {
		r.bad(mark{}, fmt.Sprintf("the file has more than %d lines", maxLines), "write long lists with several items per line: [one, two]")
		return false
	}
	depth := 0
	for i, line := range r.lines {
		if message, hint := lineTrouble(line); message != "" {
			r.bad(mark{line: i + 1, column: 1}, message, hint)
			return false
		}
		column := 0
		for _, c := range line {
			column++
			switch {
			case c == '[' || c == '{':
				depth++
			case c == ']' || c == '}':
				depth = max(0, depth-1)
			case c < ' ' && c != '\t' || c == 0x7f:
				r.bad(mark{line: i + 1, column: column}, fmt.Sprintf("the control character %q is not allowed", c), "")
				return false
			}
			if depth > maxDepth {
				r.bad(mark{line: i + 1, column: column}, "brackets are nested too deep", "")
				return false
			}
		}
	}
	return true
}

// lineTrouble is what is wrong with a line as a whole. The parser takes
// quadratic time for dashes and explicit keys.
func lineTrouble(line string) (message, hint string) {
	rest := strings.TrimLeft(line, " -")
	switch {
	case !utf8.ValidString(line):
		return "the line is not UTF-8 text", ""
	case len(line) > maxLine:
		return fmt.Sprintf("the line is longer than %d bytes", maxLine), "write lists with one item per line"
	case strings.Count(line[:len(line)-len(rest)], "- ") > maxDashes:
		return "lists are nested too deep", ""
	case rest == "?" || strings.HasPrefix(rest, "? ") || strings.HasPrefix(rest, "?\t"):
		return "YAML's explicit keys (?) are not supported", "write key: value"
	}
	return "", ""
}

// document is the root of the one YAML document in data, or nil.
func (r *reader) document(data []byte) ast.Node {
	file, err := parse(data)
	if err != nil {
		r.syntax(err)
		return nil
	}
	var body ast.Node
	for _, d := range file.Docs {
		switch {
		case d.Body == nil:
		case d.Body.Type() == ast.DirectiveType:
			r.bad(r.at(d.Body, ""), "YAML directives are not supported", "remove the line")
		case body != nil:
			r.bad(r.at(d.Body, ""), "a second document begins", "a file has one; remove the --- between them")
		default:
			body = d.Body
		}
	}
	if body == nil && len(r.errors) == 0 {
		r.bad(mark{}, "the file is empty", "cluster, nodes and routers are needed at least")
	}
	return body
}

// parse shields the daemon from a panic in the parser, which a broken file
// must not cause.
func parse(data []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, errors.New("the parser can't make sense of the file")
		}
	}()
	tokens := lexer.Tokenize(string(maskColons(data)))
	for _, t := range tokens {
		t.Value = unmask(t.Value)
		t.Origin = unmask(t.Origin)
	}
	// Duplicates are found here with all others; the parser stops at the first.
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// masked stands for a colon that separates nothing. It can't be in a file:
// preflight refuses it.
const masked = '\x1f'

// maskColons hides the colons inside plain words, as in 2001:db8::1: within
// braces the scanner takes any colon for the end of a key, while YAML 1.2
// wants white space after it (section 7.3.3).
func maskColons(data []byte) []byte {
	data = bytes.Clone(data)
	for i, c := range data {
		if c != ':' || i+1 == len(data) || bytes.IndexByte([]byte(" \t\n\r,[]{}"), data[i+1]) >= 0 {
			continue
		}
		if i > 0 && bytes.IndexByte([]byte("\"']}"), data[i-1]) >= 0 {
			continue // {"key":value}
		}
		data[i] = masked
	}
	return data
}

func unmask(s string) string { return strings.ReplaceAll(s, string(masked), ":") }

// syntax notes the parser's error. It stops at its first.
func (r *reader) syntax(err error) {
	at, message, hint := mark{}, err.Error(), ""
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		message = syntax.Message
		if t := syntax.Token; t != nil && t.Position != nil {
			at.line, at.column = t.Position.Line, t.Position.Column
		}
	}
	if at.line > 0 && at.line <= len(r.lines) {
		line := r.lines[at.line-1]
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if strings.Contains(indent, "\t") {
			message, hint = "a tab indents the line", "YAML wants spaces"
		}
	}
	if hint == "" && at.line > 0 && at.line <= len(r.lines) && strings.Contains(r.lines[at.line-1], "]:") {
		hint = "put an IPv6 address with a port in quotes, as in \"[2001:db8::1]:80\""
	}
	if hint == "" && at.line > 0 && at.line <= len(r.lines) && placeholder(r.lines[at.line-1]) {
		hint = "put text with {server}, {host} or {port} in quotes"
	}
	if hint == "" && strings.HasPrefix(message, "mapping value is not allowed") {
		hint = "check the indentation, and put text that contains \": \" in quotes"
	}
	message, _, _ = strings.Cut(message, "\n")
	r.bad(at, "this is not YAML: "+message, hint)
}

// at is the place where a node begins.
func (r *reader) at(n ast.Node, path string) mark {
	m := mark{line: 1, column: 1, path: path}
	if mapping, ok := n.(*ast.MappingNode); ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		n = mapping.Values[0]
	}
	if value, ok := n.(*ast.MappingValueNode); ok {
		n = value.Key
	}
	if n == nil {
		return m
	}
	if t := n.GetToken(); t != nil && t.Position != nil && t.Position.Line > 0 {
		m.line, m.column = t.Position.Line, max(1, t.Position.Column)
	}
	return m
}

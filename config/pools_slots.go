// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var placeholders = []string{"server", "host", "port"}

// placeholder tells whether something in a text stands for a server's address.
func placeholder(text string) bool {
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(text, "{"+p+"}") })
}

// findSlots gathers the texts in which something stands for the server. In a loose one, which is a
// program's or a server's own, braces may mean something else.
func (c *serverCheck) findSlots(r *reader, key mark, n ast.Node, loose bool) {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		for _, v := range entriesOf(n) {
			name, _ := v.Key.(*ast.StringNode)
			c.findSlots(r, key, v.Value, loose || name != nil && slices.Contains(looseKeys, name.Value))
		}
	case *ast.SequenceNode:
		for _, v := range n.Values {
			c.findSlots(r, key, v, loose)
		}
	case *ast.LiteralNode:
		c.findSlots(r, key, n.Value, loose)
	case *ast.StringNode:
		if wrong, meant := wrongPlaceholder(n.Value, loose); wrong != "" {
			r.noPlaceholder(r.at(n, key.path), wrong, meant)
		}
		if placeholder(n.Value) {
			c.slots = append(c.slots, slot{n, n.Value})
		}
	}
}

// looseKeys are those of texts in which braces may mean something else.
var looseKeys = []string{"exec", "expect", "send", "body", "header", "value"}

// braced is what looks like a placeholder.
var braced = regexp.MustCompile(`\{([A-Za-z][A-Za-z0-9_.-]*)\}`)

// wrongPlaceholder is what stands for nothing in a text, and what was probably meant.
func wrongPlaceholder(text string, loose bool) (wrong, meant string) {
	for _, at := range braced.FindAllStringSubmatchIndex(text, -1) {
		before, word := text[:at[0]], text[at[2]:at[3]]
		if slices.Contains(placeholders, word) || strings.HasSuffix(before, "$") || strings.HasSuffix(before, "{") ||
			strings.HasSuffix(before, `\p`) || strings.HasSuffix(before, `\P`) {
			continue
		}
		meant = meantPlaceholder(word)
		if meant != "" || !loose {
			return "{" + word + "}", meant
		}
	}
	return "", ""
}

// meantPlaceholder is the placeholder that a word is probably meant to be, or empty.
func meantPlaceholder(word string) string {
	switch strings.ToLower(word) {
	case "address", "addr", "ip", "hostname":
		return "host"
	case "backend", "real_server", "upstream":
		return "server"
	default:
		return nearest(word, placeholders)
	}
}

// noPlaceholder says that something stands for nothing.
func (r *reader) noPlaceholder(at mark, wrong, meant string) {
	hint := "there are {server}, {host} and {port}"
	if meant != "" {
		hint = "did you mean {" + meant + "}? There are {server}, {host} and {port}"
	}
	r.bad(at, "there is no placeholder "+wrong, hint)
}

// unquoted notes an error if a kind's only entry is a placeholder without quotes, right or wrong.
func (r *reader) unquoted(at mark, v *ast.MappingValueNode) bool {
	name, ok := v.Key.(*ast.StringNode)
	_, null := v.Value.(*ast.NullNode)
	if !ok || v.Value != nil && !null {
		return false
	}
	if word := name.Value; slices.Contains(placeholders, word) {
		r.bad(at, "{"+word+"} without quotes is a mapping in YAML", "put it in quotes: \"{"+word+"}\"")
		return true
	} else if meant := meantPlaceholder(word); meant != "" {
		r.noPlaceholder(at, "{"+word+"}", meant)
		return true
	}
	return false
}

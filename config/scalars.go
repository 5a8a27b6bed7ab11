// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// scalar is a single value. ok tells whether v can be used; a value that is
// present and not ok has its error noted already.
type scalar[T any] struct {
	mark
	ok bool
	v  T
}

// or is the value, or another if there is none.
func (s scalar[T]) or(other T) T {
	if s.ok {
		return s.v
	}
	return other
}

func (s *scalar[T]) refuse(at mark) { s.mark = at }

func (s *scalar[T]) set(v T) { s.v, s.ok = v, true }

// text is a string.
type text struct{ scalar[string] }

func (t *text) decode(r *reader, key mark, n ast.Node) {
	t.mark = r.at(n, key.path)
	s, ok := n.(*ast.StringNode)
	switch {
	case !ok:
		hint := "text is needed"
		if tok := n.GetToken(); isScalar(n) && tok != nil {
			hint = "if it is meant as text put it in quotes: \"" + tok.Value + "\""
		}
		r.bad(t.mark, describe(n)+" is here", hint)
	case strings.TrimSpace(s.Value) == "":
		r.bad(t.mark, "the text is empty", "")
	default:
		t.set(s.Value)
	}
}

func isScalar(n ast.Node) bool {
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return true
	}
	return false
}

// name is what the user calls a cluster, a node or a router.
type name struct{ text }

func (t *name) decode(r *reader, key mark, n ast.Node) {
	t.text.decode(r, key, n)
	if t.ok && !r.checkName(t.mark, t.v) {
		t.ok = false
	}
}

// maxName is the longest name; a DNS name may have 253 characters.
const maxName = 253

// checkName notes an error if the name has other characters than a DNS name
// and an underscore.
func (r *reader) checkName(at mark, s string) bool {
	good := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	bad := strings.ContainsFunc(s, func(c rune) bool { return !good(c) })
	if bad || len(s) > maxName || strings.ContainsAny(s[:1], "-.") {
		r.bad(at, shown(s)+" is not a name", "a name has letters, digits, -, _ and ., and does not begin with - or .")
		return false
	}
	return true
}

// choice is one of a few words.
func (t *text) choice(r *reader, key mark, n ast.Node, words ...string) {
	if isScalar(n) {
		t.mark = r.at(n, key.path)
		r.bad(t.mark, describe(n)+" is here", "write one of "+strings.Join(words, ", "))
		return
	}
	t.decode(r, key, n)
	if t.ok && !slices.Contains(words, t.v) {
		t.ok = false
		r.bad(t.mark, shown(t.v)+" is not one of "+strings.Join(words, ", "), maybe(t.v, words))
	}
}

// boolean is true or false.
type boolean struct{ scalar[bool] }

func (v *boolean) decode(r *reader, key mark, n ast.Node) {
	v.mark = r.at(n, key.path)
	if b, ok := n.(*ast.BoolNode); ok {
		v.set(b.Value)
		return
	}
	hint := "write true or false"
	if s, ok := n.(*ast.StringNode); ok {
		if meant := boolWord(s.Value); meant != "" {
			hint = "write " + meant
		} else if meant := nearest(s.Value, []string{"true", "false"}); meant != "" {
			hint = "did you mean " + meant + "?"
		}
	}
	r.bad(v.mark, describe(n)+" is here", hint)
}

// number is a decimal integer.
type number struct{ scalar[int] }

// decodeRange takes a number from low to high; rule says what it is, as in "a
// VRID is 1 to 255".
func (t *number) decodeRange(r *reader, key mark, n ast.Node, low, high int, rule string) {
	t.mark = r.at(n, key.path)
	i, isInt := n.(*ast.IntegerNode)
	if !isInt {
		s, isString := n.(*ast.StringNode)
		switch {
		case isString && isDecimal(s.Value) && quoted(s):
			r.bad(t.mark, "the text "+shown(s.Value)+" is here", "write "+s.Value+" without quotes")
		case isString && isDecimal(s.Value): // too large for the parser
			r.bad(t.mark, shown(s.Value)+" is out of range", rule)
		default:
			r.bad(t.mark, describe(n)+" is here", rule)
		}
		return
	}
	raw := i.Token.Value
	digits := strings.TrimPrefix(raw, "-")
	switch v, err := strconv.Atoi(raw); {
	case !isDecimal(digits):
		r.bad(t.mark, raw+" is not a decimal number", "write digits alone; "+rule)
	case len(digits) > 1 && digits[0] == '0':
		r.bad(t.mark, raw+" begins with 0, which some read as octal", "write "+strings.TrimLeft(digits[:len(digits)-1], "0")+digits[len(digits)-1:])
	case err != nil || v < low || v > high:
		r.bad(t.mark, shown(raw)+" is out of range", rule)
	default:
		t.set(v)
	}
}

func isDecimal(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

func quoted(s *ast.StringNode) bool {
	return s.Token != nil && (s.Token.Type == token.DoubleQuoteType || s.Token.Type == token.SingleQuoteType)
}

// between is a rule for a range.
func between(what string, low, high int) string {
	return fmt.Sprintf("%s is %d to %d", what, low, high)
}

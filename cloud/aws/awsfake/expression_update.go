// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"math/big"
	"strings"
)

// update does an update expression: "SET #a = :b, #c = #d + :e REMOVE #f". What it
// reads is as it was before.
func (x *scope) update(text string, old, next item) error {
	if err := x.start(text, old); err != nil {
		return err
	}
	for len(x.tokens) > 0 {
		var err error
		switch {
		case x.takeWord("SET"):
			err = x.each(func() error { return x.set(next) })
		case x.takeWord("REMOVE"):
			err = x.each(func() error {
				name, err := x.path()
				delete(next, name)
				return err
			})
		default:
			err = badRequest("Invalid UpdateExpression: Syntax error; token: %q", x.tokens[0])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each does what a list has between commas.
func (x *scope) each(f func() error) error {
	for {
		if err := f(); err != nil {
			return err
		}
		if !x.take(",") {
			return nil
		}
	}
}

// set is "#a = :b" or "#a = #b + :c".
func (x *scope) set(next item) error {
	name, err := x.path()
	if err != nil {
		return err
	}
	if !x.take("=") {
		return badRequest("Invalid UpdateExpression: Syntax error; SET wants an =")
	}
	v, there, err := x.operand()
	if err != nil {
		return err
	}
	for err == nil && len(x.tokens) > 0 && (x.tokens[0] == "+" || x.tokens[0] == "-") {
		minus := x.next() == "-"
		var b attribute
		var also bool
		if b, also, err = x.operand(); err != nil {
			return err
		}
		there = there && also
		v, err = sum(v, b, minus)
	}
	if err == nil && !there {
		err = badRequest("The provided expression refers to an attribute that does not exist in the item")
	}
	if err != nil {
		return err
	}
	next[name] = v
	return nil
}

// sum adds numbers.
func sum(a, b attribute, minus bool) (attribute, error) {
	x, ok := number(a.text)
	y, also := number(b.text)
	if a.kind != "N" || b.kind != "N" || !ok || !also {
		return a, badRequest("An operand in the update expression has an incorrect data type")
	}
	if minus {
		y.Neg(y)
	}
	text := new(big.Rat).Add(x, y).FloatString(38)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return attribute{kind: "N", text: text}, nil
}

// scan cuts an expression into its tokens.
func scan(text string) ([]string, error) {
	const word = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_#:"
	var tokens []string
	for text != "" {
		n := 1
		switch c := text[0]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			text = text[1:]
			continue
		case strings.HasPrefix(text, "<>"), strings.HasPrefix(text, "<="), strings.HasPrefix(text, ">="):
			n = 2
		case strings.IndexByte("()=<>,+-", c) >= 0:
		case strings.IndexByte(word, c) >= 0:
			for n < len(text) && strings.IndexByte(word, text[n]) >= 0 {
				n++
			}
		default:
			return nil, badRequest("Invalid expression: Syntax error; token: %q", string(c))
		}
		tokens = append(tokens, text[:n])
		text = text[n:]
	}
	return tokens, nil
}

func (x *scope) next() string {
	if len(x.tokens) == 0 {
		return ""
	}
	t := x.tokens[0]
	x.tokens = x.tokens[1:]
	return t
}

func (x *scope) take(token string) bool {
	if len(x.tokens) > 0 && x.tokens[0] == token {
		x.tokens = x.tokens[1:]
		return true
	}
	return false
}

func (x *scope) peekWord(word string) bool {
	return len(x.tokens) > 0 && strings.EqualFold(x.tokens[0], word)
}

// takeWord takes a word, however it is written.
func (x *scope) takeWord(word string) bool {
	if !x.peekWord(word) {
		return false
	}
	x.tokens = x.tokens[1:]
	return true
}

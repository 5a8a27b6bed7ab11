// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"maps"
	"slices"
	"strings"
)

// scope is what the names in a request's expressions stand for, and which of them
// were used: one that was not is an error.
type scope struct {
	names  map[string]string
	values item
	used   map[string]bool
	tokens []string
	item   item
}

// condition evaluates a condition on an item; nil is one that is not there.
func (x *scope) condition(text string, on item) (bool, error) {
	if text == "" {
		return true, nil
	}
	if err := x.start(text, on); err != nil {
		return false, err
	}
	holds, err := x.or(0)
	if err == nil && len(x.tokens) > 0 {
		err = badRequest("Invalid ConditionExpression: Syntax error; token: %q", x.tokens[0])
	}
	return holds, err
}

func (x *scope) start(text string, on item) error {
	tokens, err := scan(text)
	x.tokens, x.item = tokens, on
	return err
}

// deepest is how deep an expression may be.
const deepest = 50

func (x *scope) or(depth int) (bool, error) {
	left, err := x.and(depth)
	for err == nil && x.takeWord("OR") {
		var right bool
		right, err = x.and(depth)
		left = left || right
	}
	return left, err
}

func (x *scope) and(depth int) (bool, error) {
	left, err := x.term(depth)
	for err == nil && x.takeWord("AND") {
		var right bool
		right, err = x.term(depth)
		left = left && right
	}
	return left, err
}

// term is one that is not made of others by AND and OR.
func (x *scope) term(depth int) (bool, error) {
	if depth > deepest {
		return false, badRequest("Invalid ConditionExpression: too deep")
	}
	switch {
	case x.takeWord("NOT"):
		holds, err := x.term(depth + 1)
		return !holds, err
	case x.take("("):
		holds, err := x.or(depth + 1)
		if err == nil && !x.take(")") {
			err = badRequest("Invalid ConditionExpression: Syntax error; a parenthesis is open")
		}
		return holds, err
	case x.takeWord("attribute_exists"), x.peekWord("attribute_not_exists"):
		negate := x.takeWord("attribute_not_exists")
		name, err := x.argument()
		_, there := x.item[name]
		return there != negate, err
	}
	return x.comparison()
}

// argument is "(#name)".
func (x *scope) argument() (string, error) {
	if !x.take("(") {
		return "", badRequest("Invalid ConditionExpression: Syntax error; a function has an argument")
	}
	name, err := x.path()
	if err == nil && !x.take(")") {
		err = badRequest("Invalid ConditionExpression: Syntax error; a function has one argument")
	}
	return name, err
}

func (x *scope) comparison() (bool, error) {
	left, there, err := x.operand()
	if err != nil {
		return false, err
	}
	operator := x.next()
	if !slices.Contains([]string{"=", "<>", "<", "<=", ">", ">="}, operator) {
		return false, badRequest("Invalid ConditionExpression: Syntax error; token: %q", operator)
	}
	right, also, err := x.operand()
	if err != nil {
		return false, err
	}
	if !there || !also {
		return operator == "<>" && there != also, nil
	}
	switch operator {
	case "=":
		return left.equal(right), nil
	case "<>":
		return !left.equal(right), nil
	}
	c, ok := left.compare(right)
	holds := map[string]bool{"<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}
	return ok && holds[operator], nil
}

// operand is ":value" or "#name".
func (x *scope) operand() (attribute, bool, error) {
	if len(x.tokens) > 0 && strings.HasPrefix(x.tokens[0], ":") {
		name := x.next()
		v, ok := x.values[name]
		if !ok {
			return v, false, badRequest("Invalid expression: An expression attribute value used in expression is not defined; attribute value: %s", name)
		}
		x.used[name] = true
		return v, true, nil
	}
	name, err := x.path()
	v, ok := x.item[name]
	return v, ok, err
}

// path is a "#name". Bare names are refused: many are reserved words, and this fake
// does not know which.
func (x *scope) path() (string, error) {
	token := x.next()
	if !strings.HasPrefix(token, "#") {
		return "", badRequest("Invalid expression: %q is not a #name; this fake wants one, since it does not know which words are reserved", token)
	}
	name, ok := x.names[token]
	if !ok {
		return "", badRequest("Invalid expression: An expression attribute name used in the document path is not defined; attribute name: %s", token)
	}
	x.used[token] = true
	return name, nil
}

// unused is what the request defines and no expression has.
func (x *scope) unused() error {
	for _, name := range slices.Sorted(maps.Keys(x.names)) {
		if !x.used[name] {
			return badRequest("Value provided in ExpressionAttributeNames unused in expressions: keys: {%s}", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.values)) {
		if !x.used[name] {
			return badRequest("Value provided in ExpressionAttributeValues unused in expressions: keys: {%s}", name)
		}
	}
	return nil
}

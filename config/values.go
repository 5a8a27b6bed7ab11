// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// pattern is a regular expression of RE2.
type pattern struct{ text }

func (p *pattern) decode(r *reader, key mark, n ast.Node) {
	p.text.decode(r, key, n)
	if !p.ok {
		return
	}
	if _, err := regexp.Compile(p.v); err != nil {
		p.ok = false
		r.bad(p.mark, shown(p.v)+" is not a regular expression: "+regexpTrouble(err), "the syntax is RE2's; a special character is written with \\ before it")
	}
}

func regexpTrouble(err error) string {
	e, ok := errors.AsType[*syntax.Error](err)
	if !ok {
		return "it can't be read"
	}
	if e.Expr == "" {
		return e.Code.String()
	}
	return fmt.Sprintf("%s in %s", e.Code, shown(e.Expr))
}

// absolute is the path of a file, from the root.
type absolute struct{ text }

func (p *absolute) decode(r *reader, key mark, n ast.Node) {
	p.text.decode(r, key, n)
	if !p.ok {
		return
	}
	p.ok = false
	switch {
	case strings.ContainsRune(p.v, 0):
		r.bad(p.mark, shown(p.v)+" is not a path", "")
	case !path.IsAbs(p.v):
		r.bad(p.mark, shown(p.v)+" is not an absolute path", "write it from the root, with a / at the beginning")
	case strings.HasSuffix(p.v, "/"):
		r.bad(p.mark, shown(p.v)+" is a directory", "write a file's path")
	default:
		p.ok = true
	}
}

// content is text that may have several lines, and be nothing but white space.
type content struct{ scalar[string] }

func (c *content) decode(r *reader, key mark, n ast.Node) {
	c.mark = r.at(n, key.path)
	switch n := n.(type) {
	case *ast.StringNode:
		c.set(n.Value)
	case *ast.LiteralNode:
		c.set(n.Value.Value)
	default:
		r.bad(c.mark, describe(n)+" is here", "text is needed; put it in quotes")
	}
}

// word is text, where a number is taken as it is written.
type word struct{ scalar[string] }

func (w *word) decode(r *reader, key mark, n ast.Node) {
	w.mark = r.at(n, key.path)
	s, ok := "", false
	switch n := n.(type) {
	case *ast.BoolNode:
		s, ok = n.GetToken().Value, true
	case *ast.MappingNode, *ast.MappingValueNode:
		r.bad(w.mark, describe(n)+" is here", "text is needed; put text that contains \": \" in quotes")
	default:
		s, ok = r.plainText(w.mark, n, "text is needed")
	}
	if !ok {
		return
	}
	if strings.ContainsRune(s, 0) {
		r.bad(w.mark, shown(s)+" has a NUL", "no program can be told that")
		return
	}
	w.set(s)
}

// argv is a program and its arguments.
type argv struct{ list[word] }

func (a *argv) decode(r *reader, key mark, n ast.Node) {
	if s, ok := n.(*ast.StringNode); ok {
		a.mark, a.refused = r.at(n, key.path), true
		words := strings.Fields(s.Value)
		for i, w := range words {
			words[i] = shown(w)
		}
		r.bad(a.mark, describe(n)+" is here", "there is no shell; write a list: ["+strings.Join(words, ", ")+"]")
		return
	}
	a.list.decode(r, key, n)
	switch {
	case a.refused:
	case len(a.items) == 0:
		r.bad(a.mark, "there is no program", "write its path and its arguments, as in [/usr/local/bin/check, -v]")
	case a.items[0].ok && !path.IsAbs(a.items[0].v):
		r.bad(a.items[0].mark, shown(a.items[0].v)+" is not an absolute path", "write the program's path from the root; there is no PATH")
	}
}

func (a *argv) values() []string {
	if len(a.items) == 0 {
		return nil
	}
	values := make([]string, len(a.items))
	for i, w := range a.items {
		values[i] = w.v
	}
	return values
}

// userName is an account of the host.
type userName struct{ text }

var userRegexp = regexp.MustCompile(userPattern)

const userPattern = `^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$`

func (u *userName) decode(r *reader, key mark, n ast.Node) {
	u.text.decode(r, key, n)
	if u.ok && !userRegexp.MatchString(u.v) {
		u.ok = false
		r.bad(u.mark, shown(u.v)+" is not a user's name", "write an account of the host, as in nobody")
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// decoder is a raw type: it takes its value from a node and notes what is
// wrong with it. key is the place of the key (or of the list's item); its path
// is the value's.
type decoder interface {
	decode(r *reader, key mark, n ast.Node)
}

// later stands for a key that a later version knows.
type later struct{ mark }

func (l *later) decode(r *reader, key mark, _ ast.Node) {
	l.mark = key
	r.bad(key, "not yet available in this version", "remove "+key.path)
}

// value refuses what YAML has and this file doesn't use, and decodes the rest.
func (r *reader) value(d decoder, key mark, n ast.Node) {
	if _, ok := d.(*later); ok {
		d.decode(r, key, n)
		return
	}
	switch n.(type) {
	case nil, *ast.NullNode:
		r.bad(key, "there is no value", "give one or remove the key")
	case *ast.AnchorNode, *ast.AliasNode:
		r.bad(r.at(n, key.path), "YAML anchors and aliases are not supported", "write the value out")
	case *ast.TagNode:
		r.bad(r.at(n, key.path), "YAML tags are not supported", "write the value alone")
	default:
		d.decode(r, key, n)
		return
	}
	if d, ok := d.(refuser); ok {
		d.refuse(key)
	}
}

// refuser is told that its value was there and useless, so that nobody calls
// it missing.
type refuser interface{ refuse(at mark) }

// pair is a key with its value.
type pair struct {
	name  string
	key   mark // of the key; the path includes it
	value ast.Node
}

// pairs are the entries of a mapping, without those whose key is wrong or was
// there before.
func (r *reader) pairs(key mark, n ast.Node) []pair {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.bad(r.at(n, key.path), describe(n)+" is here", "a mapping is needed: key: value")
		return nil
	}
	pairs := make([]pair, 0, len(values))
	seen := make(map[string]mark, len(values))
	for _, v := range values {
		name, ok := r.keyName(key, v.Key)
		if !ok {
			continue
		}
		at := r.at(v.Key, key.under(name).path)
		if first, twice := seen[name]; twice {
			r.bad(at, fmt.Sprintf("the key %s is already on line %d", shown(name), first.line), "remove one of them")
			continue
		}
		seen[name] = at
		pairs = append(pairs, pair{name: name, key: at, value: v.Value})
	}
	return pairs
}

func (r *reader) keyName(parent mark, n ast.MapKeyNode) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		if n.Value == "" {
			break
		}
		if strings.ContainsFunc(n.Value, unicode.IsControl) {
			r.bad(r.at(n, parent.path), "the key "+shown(n.Value)+" has control characters", "give it a name")
			return "", false
		}
		return n.Value, true
	case *ast.MergeKeyNode:
		r.bad(r.at(n, parent.path), "YAML merge keys are not supported", "write the keys out")
		return "", false
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	r.bad(r.at(n, parent.path), "the key is not a plain word", "give it a name")
	return "", false
}

// fields decodes a mapping into the struct that into points to, by the yaml
// tags of its fields and of those of structs it embeds. It returns the
// section's place, which is none if n is not a mapping.
func (r *reader) fields(key mark, n ast.Node, into any) mark {
	index := make(map[string]reflect.Value)
	names := tagged(reflect.ValueOf(into).Elem(), index, nil)
	all := r.pairs(key, n)
	for _, p := range all {
		field, known := index[p.name]
		if !known {
			if s, ok := into.(stranger); ok && s.stranger(r, all, p) {
				continue
			}
			r.bad(p.key, "unknown key", didYouMean(p.name, offered(into, names), "the keys here are "))
			continue
		}
		r.value(field.Addr().Interface().(decoder), p.key, p.value)
	}
	if !isMapping(n) {
		return mark{}
	}
	return key
}

// hider is a section that has keys only to say that they are wrong there.
type hider interface{ hides() []string }

// offered are the keys that may be written.
func offered(into any, names []string) []string {
	h, hides := into.(hider)
	if !hides {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(h.hides(), name) })
}

// tagged adds a struct's fields to index by their yaml tags, and to names those
// that this version knows.
func tagged(s reflect.Value, index map[string]reflect.Value, names []string) []string {
	for i := range s.NumField() {
		f := s.Type().Field(i)
		name := f.Tag.Get("yaml")
		switch {
		case name == "" && f.Anonymous && f.Type.Kind() == reflect.Struct:
			names = tagged(s.Field(i), index, names)
		case name == "":
		default:
			index[name] = s.Field(i)
			if f.Type != reflect.TypeFor[later]() {
				names = append(names, name)
			}
		}
	}
	return names
}

// entry is one of a mapping's whose keys are names of the user's choice.
type entry[T any] struct {
	name  string
	key   mark
	value T
}

// named is a mapping from names of the user's choice.
type named[T any] struct {
	mark
	refused bool
	entries []*entry[T]
}

func (m *named[T]) refuse(at mark) { m.mark, m.refused = at, true }

func (m *named[T]) decode(r *reader, key mark, n ast.Node) {
	m.mark = key
	if !isMapping(n) {
		m.refused = true
	}
	for _, p := range r.pairs(key, n) {
		e := &entry[T]{name: p.name, key: p.key}
		m.entries = append(m.entries, e)
		r.value(any(&e.value).(decoder), p.key, p.value)
	}
}

// list is a list of values.
type list[T any] struct {
	mark
	refused bool
	items   []*T
}

func (l *list[T]) refuse(at mark) { l.mark, l.refused = at, true }

func (l *list[T]) decode(r *reader, key mark, n ast.Node) {
	l.mark = r.at(n, key.path)
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		l.refused = true
		hint := "a list is needed"
		if s, ok := n.(*ast.StringNode); ok {
			hint += ": [" + shown(s.Value) + "]"
		}
		r.bad(l.mark, describe(n)+" is here", hint)
		return
	}
	for i, v := range sequence.Values {
		item := new(T)
		at := key.under(fmt.Sprintf("[%d]", i))
		if v != nil {
			at = r.at(v, at.path)
		}
		l.items = append(l.items, item)
		r.value(any(item).(decoder), at, v)
	}
}

// oneOrMore is a list, or its only item.
type oneOrMore[T any] struct{ list[T] }

func (l *oneOrMore[T]) decode(r *reader, key mark, n ast.Node) {
	if _, ok := n.(*ast.SequenceNode); ok {
		l.list.decode(r, key, n)
		return
	}
	item := new(T)
	l.mark, l.items = r.at(n, key.path), []*T{item}
	r.value(any(item).(decoder), key, n)
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// describe names a node's type.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return "the text " + shown(n.Value)
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + shown(n.GetToken().Value)
	case *ast.BoolNode:
		return strings.ToLower(n.GetToken().Value)
	case *ast.NullNode:
		return "nothing"
	default:
		return "something else"
	}
}

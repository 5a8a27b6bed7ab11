// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"

	"github.com/invopop/jsonschema"
)

// Key is a key of the file.
type Key struct {
	// Path leads there: routers.NAME.vrid. NAME stands for any name, an element of a
	// list has its list's path.
	Path        string
	Description string // as the schema has it; may be empty
}

// Keys are all keys in the order of the schema, for a manual page.
func Keys() []Key {
	k := keyList{seen: make(map[string]bool)}
	k.walk(reflector().Reflect(new(rawFile)), "")
	return k.list
}

// keyList gathers a schema's.
type keyList struct {
	list []Key
	seen map[string]bool // paths, which several forms of a value may have
}

func (k *keyList) walk(s *jsonschema.Schema, path string) {
	if s == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		k.add(p.Value, join(path, p.Key))
	}
	if more := s.AdditionalProperties; more != nil && !isNever(more) {
		k.walk(more, join(path, "NAME"))
	}
	k.walk(s.Items, path)
	for _, forms := range [][]*jsonschema.Schema{s.OneOf, s.AnyOf, s.AllOf} {
		for _, form := range forms {
			k.walk(form, path)
		}
	}
}

func (k *keyList) add(s *jsonschema.Schema, path string) {
	if !k.seen[path] {
		k.seen[path] = true
		k.list = append(k.list, Key{Path: path, Description: s.Description})
	}
	k.walk(s, path)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// isNever tells whether a schema accepts nothing.
func isNever(s *jsonschema.Schema) bool { return reflect.DeepEqual(s, jsonschema.FalseSchema) }

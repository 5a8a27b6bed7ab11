// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "github.com/goccy/go-yaml"
	validator "github.com/santhosh-tekuri/jsonschema/v6"
)

const reference = "../docs/configuration.md"

// key is one of the file's, below its section: "priority", "auth.password".
type key struct {
	name  string
	later bool
}

// keys are the keys of a raw type. Those of kinds of checks are left to
// kindKeys.
func keys(t reflect.Type) []key {
	switch {
	case t == reflect.TypeFor[damping]():
		t = reflect.TypeFor[rawDamping]()
	case t.Kind() != reflect.Struct || isKind(t):
		return nil
	case strings.HasPrefix(t.Name(), "named["):
		entries, _ := t.FieldByName("entries") // []*entry[T]
		value, _ := entries.Type.Elem().Elem().FieldByName("value")
		return keys(value.Type)
	case strings.HasPrefix(t.Name(), "list["):
		items, _ := t.FieldByName("items") // []*T
		return keys(items.Type.Elem().Elem())
	}
	var all []key
	for f := range t.Fields() {
		name := f.Tag.Get("yaml")
		below := keys(f.Type)
		if f.Type == reflect.TypeFor[rawForward]() && t != reflect.TypeFor[rawPool]() {
			below = nil // explained with the pool's
		}
		switch {
		case f.Type == reflect.TypeFor[serverKeys]():
			all = append(all, below...)
		case name == "":
		case f.Type == reflect.TypeFor[later]():
			all = append(all, key{name, true})
		// announce and a track have sections of their own
		case len(below) == 0 || f.Type == reflect.TypeFor[rawAnnounce]() || f.Type == reflect.TypeFor[list[rawTrack]]():
			all = append(all, key{name, false})
		default:
			for _, k := range below {
				all = append(all, key{name + "." + k.name, k.later})
			}
		}
	}
	return all
}

func isKind(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[rawKind]())
}

// kindKeys are the keys of the kinds of checks by kind, with those of TLS under
// that name.
func kindKeys() map[string][]string {
	found := make(map[string][]string)
	var add func(section string, t reflect.Type)
	add = func(section string, t reflect.Type) {
		for f := range t.Fields() {
			name := f.Tag.Get("yaml")
			switch {
			case f.Type == reflect.TypeFor[rawTLS]():
				add("Keys of TLS", f.Type)
			case name != "" && !slices.Contains(found[section], name):
				found[section] = append(found[section], name)
			}
		}
	}
	for f := range reflect.TypeFor[rawCheck]().Fields() {
		if isKind(f.Type) {
			add(f.Tag.Get("yaml"), f.Type)
		}
	}
	return found
}

// headed splits a text at its headings of a level.
func headed(text, level string) map[string]string {
	sections := make(map[string]string)
	for _, s := range strings.Split("\n"+text, "\n"+level+" ")[1:] {
		heading, text, _ := strings.Cut(s, "\n")
		sections[strings.Trim(heading, "`")] = text
	}
	return sections
}

// TestReference: every key stands in the table and in the text of its
// section, or in that of keys of later versions.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	sections := headed(string(data), "##")
	checked := 0
	explained := func(text, section, name string, times int) {
		checked++
		if strings.Count(text, "`"+name+"`") < times {
			t.Errorf("%s: %s is not explained in the section %s", reference, name, section)
		}
	}
	const reserved = "Keys of later versions"
	for f := range reflect.TypeFor[rawFile]().Fields() {
		section := f.Tag.Get("yaml")
		below := keys(f.Type)
		switch {
		case f.Type == reflect.TypeFor[later]():
			explained(sections[reserved], reserved, section, 1)
		case len(below) == 0:
			explained(sections[section], section, section, 1)
		}
		for _, k := range below {
			if k.later {
				explained(sections[reserved], reserved, k.name, 1)
				continue
			}
			explained(sections[section], section, k.name, 2)
		}
	}
	// A kind's table says what each key is.
	kinds := headed(sections["checks"], "###")
	for kind, names := range kindKeys() {
		for _, name := range names {
			explained(kinds[kind], "checks, "+kind, name, 1)
		}
	}
	if checked < 117 {
		t.Errorf("only %d keys were checked", checked)
	}
}

// examples are the YAML files and blocks that have to be valid, by name. A
// block that is a part of a file is completed.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	found := make(map[string][]byte)
	for _, file := range []string{"testdata/vicar.yaml", "testdata/health.yaml", "testdata/guard.yaml", "testdata/cloud.yaml", "testdata/pools.yaml", "../packaging/vicar.yaml"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[file] = data
	}
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllSubmatch(data, -1) {
		text := block[1]
		for _, part := range strings.SplitAfter(small, "\n") {
			key, _, _ := strings.Cut(part, ":")
			if part != "" && !bytes.HasPrefix(text, []byte(key+":")) && !bytes.Contains(text, []byte("\n"+key+":")) {
				text = append(slices.Clone(text), part...)
			}
		}
		found[reference+" block "+string(rune('1'+i))] = text
	}
	return found
}

func TestExamplesParse(t *testing.T) {
	all := examples(t)
	if len(all) < 16 {
		t.Errorf("only %d examples", len(all))
	}
	for name, data := range all {
		c, err := Parse(name, data)
		if err != nil {
			t.Error(err)
		} else if len(c.Warnings) > 0 {
			t.Errorf("%s: %v", name, c.Warnings)
		}
	}
}

// TestSchemaAccepts: the schema accepts what Parse accepts, and finds wrong
// keys, types and ranges.
func TestSchemaAccepts(t *testing.T) {
	schema := compileSchema(t)
	for name, data := range examples(t) {
		if err := schema.Validate(plain(t, data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	warnings, _ := filepath.Glob("testdata/warning-*.yaml")
	for _, file := range warnings {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(plain(t, data)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, name := range []string{
		"keys", "types", "units", "ranges", "later", "empty", "checks", "targets", "http", "local", "track", "groups", "hooks",
		"pools", "pools-checks", "pools-elsewhere", "guard", "guard-empty", "guard-types", "aws", "aws2", "aws3", "aws-routes", "keys-from", "keys-from2", "move", "table-name", "table-one",
	} {
		data, err := os.ReadFile("testdata/invalid-" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		data = bytes.Replace(data, []byte("  lb-2: {address: 192.0.2.12}\n"), nil, 1) // a duplicate key can't be decoded
		data = bytes.Replace(data, []byte("    addresses: [192.0.2.101/24]\n"), nil, 1)
		if err := schema.Validate(plain(t, data)); err == nil {
			t.Errorf("the schema accepts invalid-%s.yaml", name)
		}
	}
}

// TestSchemaDescribes: an editor can explain every key.
func TestSchemaDescribes(t *testing.T) {
	var walk func(path string, node any)
	walk = func(path string, node any) {
		m, ok := node.(map[string]any)
		if !ok {
			return
		}
		properties, _ := m["properties"].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(properties)) {
			if d, _ := properties[key].(map[string]any)["description"].(string); d == "" {
				t.Errorf("%s.%s has no description", path, key)
			}
			walk(path+"."+key, properties[key])
		}
		walk(path, m["additionalProperties"])
		walk(path, m["items"])
		if some, ok := m["anyOf"].([]any); ok {
			for _, one := range some {
				walk(path, one)
			}
		}
	}
	doc, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	walk("", doc)
}

func compileSchema(t *testing.T) *validator.Schema {
	t.Helper()
	doc, err := validator.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := validator.NewCompiler()
	if err := c.AddResource(schemaID, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(schemaID)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// plain is the file as an editor's YAML reader sees it.
func plain(t *testing.T, data []byte) any {
	t.Helper()
	file, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if len(file.Docs) == 1 && file.Docs[0].Body != nil {
		if err := yaml.NodeToValue(file.Docs[0].Body, &v); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// TestPackagedAWS: so are those about AWS.
func TestPackagedAWS(t *testing.T) {
	data, err := os.ReadFile("../packaging/vicar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^( *)# ((  )?(move|aws|allocations|route_tables):)`).ReplaceAllString(string(data), "$1$2")
	if c := mustParse(t, text); !c.UsesAWS() || len(c.AWS.Allocations) != 1 || len(c.AWS.RouteTables) != 1 {
		t.Errorf("aws %+v, move %+v", c.AWS, c.Routers[0].Move)
	}
}

// TestPackagedGuard: the packaged file's lines about the guard are valid once
// they are no comments.
func TestPackagedGuard(t *testing.T) {
	data, err := os.ReadFile("../packaging/vicar.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^( *)# (arbiter:|peer_link:|guard:|on_loss:)`).ReplaceAllString(string(data), "$1$2")
	c := mustParse(t, text)
	if c.Majority() != 2 || c.PeerLink == nil || c.Routers[0].OnLoss != OnLossHold || len(c.Warnings) > 0 {
		t.Errorf("guard %+v, link %+v, warnings %v", c.Guard, c.PeerLink, c.Warnings)
	}
}

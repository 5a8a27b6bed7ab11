// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// module is what a README tells of one.
type module struct {
	inputs    []input
	outputs   []output
	resources []string
	versions  [][2]string // what, and the constraint
}

type input struct {
	name, description, typ, fallback string // fallback is empty for what must be given
	sensitive                        bool
}

type output struct{ name, description string }

// read parses a module's files.
func read(dir string) (module, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(names) == 0 {
		return module{}, errors.Join(errors.New("there is no .tf file"), err)
	}
	var m module
	var errs []error
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return module{}, err
		}
		file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
		if diags.HasErrors() {
			return module{}, diags
		}
		for _, b := range file.Body.(*hclsyntax.Body).Blocks {
			errs = append(errs, m.add(b, text))
		}
	}
	slices.SortFunc(m.inputs, func(a, b input) int {
		// What must be given stands first.
		return cmp.Or(cmp.Compare(min(len(a.fallback), 1), min(len(b.fallback), 1)), cmp.Compare(a.name, b.name))
	})
	slices.SortFunc(m.outputs, func(a, b output) int { return cmp.Compare(a.name, b.name) })
	slices.SortFunc(m.versions, func(a, b [2]string) int { return cmp.Compare(a[0], b[0]) })
	slices.Sort(m.resources)
	m.resources = slices.Compact(m.resources)
	return m, errors.Join(errs...)
}

func (m *module) add(b *hclsyntax.Block, text []byte) error {
	attribute := func(name string) string {
		a, ok := b.Body.Attributes[name]
		if !ok {
			return ""
		}
		if v, diags := a.Expr.Value(nil); name == "description" && !diags.HasErrors() {
			return strings.TrimSpace(v.AsString())
		}
		return source(a.Expr.Range(), text)
	}
	var described string
	switch b.Type {
	case "variable":
		described = attribute("description")
		m.inputs = append(m.inputs, input{b.Labels[0], described, attribute("type"), attribute("default"), attribute("sensitive") == "true"})
	case "output":
		described = attribute("description")
		m.outputs = append(m.outputs, output{b.Labels[0], described})
	case "resource":
		m.resources = append(m.resources, b.Labels[0])
		return nil
	case "terraform":
		return m.require(b, text)
	default:
		return nil
	}
	if described == "" {
		return fmt.Errorf("%s: %s %s has no description", b.DefRange(), b.Type, b.Labels[0])
	}
	return nil
}

// require notes the versions that the block terraform asks for.
func (m *module) require(b *hclsyntax.Block, text []byte) error {
	if a, ok := b.Body.Attributes["required_version"]; ok {
		m.versions = append(m.versions, [2]string{"Terraform or OpenTofu", unquote(source(a.Expr.Range(), text))})
	}
	for _, p := range b.Body.Blocks {
		if p.Type != "required_providers" {
			continue
		}
		for _, a := range p.Body.Attributes {
			v, diags := a.Expr.Value(nil)
			if diags.HasErrors() {
				return diags
			}
			of := v.AsValueMap()
			m.versions = append(m.versions, [2]string{"provider " + of["source"].AsString(), of["version"].AsString()})
		}
	}
	return nil
}

func source(r hcl.Range, text []byte) string { return string(r.SliceBytes(text)) }

func unquote(s string) string { return strings.Trim(s, `"`) }

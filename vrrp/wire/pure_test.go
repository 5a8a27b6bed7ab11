// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The codec depends on little, and on nothing that could block, tell the time
// or differ from run to run.
func TestPure(t *testing.T) {
	allowed := []string{"encoding/binary", "errors", "fmt", "net/netip", "slices", "time"}
	units := []string{"Duration", "Millisecond", "Second"} // of package time
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil || !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", e.Name(), spec.Path.Value)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				x, ok := sel.X.(*ast.Ident)
				if ok && x.Name == "time" && !slices.Contains(units, sel.Sel.Name) {
					t.Errorf("%s uses time.%s", e.Name(), sel.Sel.Name)
				}
			}
			return true
		})
	}
	if files == 0 {
		t.Error("no file was looked at")
	}
}

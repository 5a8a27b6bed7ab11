// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"go/ast"
	"go/parser"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// purity is what a pure package may use of the standard library. What that
// imports in turn does not count.
type purity struct {
	imports []string
	time    []string // of package time
}

// pure packages take time and input as arguments and do nothing themselves: they
// have no goroutine, timer, socket or clock. status and vip are types.
var pure = map[string]purity{
	"vrrp": {
		imports: []string{"errors", "fmt", "net/netip", "slices", "strconv", "time"},
		time:    []string{"Duration", "Microsecond", "Millisecond", "Minute", "Second", "Time"},
	},
	"vrrp/wire": {
		imports: []string{"encoding/binary", "errors", "fmt", "net/netip", "slices", "time"},
		time:    []string{"Duration", "Millisecond", "Second"},
	},
	"quorum": {
		imports: []string{
			"bytes", "cmp", "encoding/binary", "encoding/hex", "encoding/json", "errors", "fmt", "hash/fnv", "io", "maps", "math",
			"net/netip", "slices", "strconv", "strings", "time",
		},
		time: []string{"Duration", "Hour", "Microsecond", "Millisecond", "Minute", "Nanosecond", "Second", "Time"},
	},
	"status": {
		imports: []string{"net/netip", "slices", "time"},
		time:    []string{"Duration", "Microsecond", "Millisecond", "Time"},
	},
	"vip":   {imports: []string{"encoding/binary", "hash/fnv", "net/netip", "time"}, time: []string{"Time"}},
	"track": {imports: []string{"fmt"}},
}

func TestPure(t *testing.T) {
	looked := map[string]bool{}
	for _, s := range sources(t, parser.SkipObjectResolution) {
		may, ok := pure[s.dir]
		if !ok || s.test {
			continue
		}
		looked[s.dir] = true
		for _, spec := range s.file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(path, module+"/") && !slices.Contains(may.imports, path) {
				t.Errorf("%s: %s is pure and must not import %s", s.at(spec.Pos()), s.dir, path)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt, *ast.SendStmt, *ast.SelectStmt, *ast.ChanType:
				t.Errorf("%s: %s is pure and must not have goroutines or channels", s.at(n.Pos()), s.dir)
			case *ast.SelectorExpr:
				if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == "time" && !slices.Contains(may.time, n.Sel.Name) {
					t.Errorf("%s: %s is pure and must not use time.%s", s.at(n.Pos()), s.dir, n.Sel.Name)
				}
			}
			return true
		})
	}
	for dir := range pure {
		if !looked[dir] {
			t.Errorf("%s has no files", dir)
		}
	}
}

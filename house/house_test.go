// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package house holds the project's rules as tests: which package may import
// which, what every file starts with, and that what the documents say exists.
// A rule that is not tested here or by the linter is not a rule.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vicar-ha/vicar"

// root is the project's directory.
var root = os.DirFS("..")

// files are the project's own files, by their path below the project's
// directory, without what git and make keep there and without test data.
func files(t *testing.T, keep func(name string) bool) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && name != "." && name != ".ci" && name != ".github"
			if hidden || name == "bin" || name == "dist" || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && keep(name) {
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("no file found: the test looks in the wrong place")
	}
	return names
}

func hasSuffix(suffixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(root, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// source is a parsed Go file.
type source struct {
	name string // path below the project's directory
	dir  string // its package's path below the module's, "" for the root
	test bool
	fset *token.FileSet
	file *ast.File
}

// at is a position as an error shows it.
func (s source) at(pos token.Pos) string {
	p := s.fset.Position(pos)
	return strings.TrimPrefix(p.String(), "../")
}

// sources are all Go files of the module, whatever their build constraints.
// The tools are a module of their own.
func sources(t *testing.T, mode parser.Mode) []source {
	t.Helper()
	var list []source
	for _, name := range files(t, hasSuffix(".go")) {
		if strings.HasPrefix(name, "tools/") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, read(t, name), mode)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = ""
		}
		list = append(list, source{name, dir, strings.HasSuffix(name, "_test.go"), fset, file})
	}
	return list
}

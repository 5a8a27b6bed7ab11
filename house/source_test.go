// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package house

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/parser"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	owner     = "Copyright 2026 The vicar authors"
	licence   = "SPDX-License-Identifier: Apache-2.0"
	generated = "// Code generated "
	maxLines  = 400
	// Tables of cases are long.
	maxTestLines = 600
)

func TestLicenceHeader(t *testing.T) {
	noExtension := []string{"Makefile", ".ci/run"}
	for _, name := range files(t, func(name string) bool {
		return hasSuffix(".go", ".sh", ".yml", ".yaml", ".service", ".conf", ".network")(name) || slices.Contains(noExtension, name)
	}) {
		comment := "# "
		if path.Ext(name) == ".go" {
			comment = "// "
		}
		text := read(t, name)
		if strings.HasPrefix(text, "#!") {
			_, text, _ = strings.Cut(text, "\n")
		}
		if !strings.HasPrefix(text, comment+owner+"\n"+comment+licence+"\n") {
			t.Errorf("%s does not start with the two lines of the licence", name)
		}
	}
}

func TestFormatted(t *testing.T) {
	for _, name := range files(t, hasSuffix(".go")) {
		src := []byte(read(t, name))
		out, err := format.Source(src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(src, out) {
			t.Errorf("%s is not formatted: make fmt", name)
		}
	}
}

func TestFileSize(t *testing.T) {
	for _, name := range files(t, hasSuffix(".go", ".sh")) {
		text := read(t, name)
		limit := maxLines
		if hasSuffix("_test.go")(name) {
			limit = maxTestLines
		}
		if n := strings.Count(text, "\n"); n > limit && !strings.Contains(text, generated) {
			t.Errorf("%s has %d lines, more than %d: one subject, or two?", name, n, limit)
		}
	}
}

// TestPackageDoc wants each package explained once.
func TestPackageDoc(t *testing.T) {
	docs := map[string][]string{}
	for _, s := range sources(t, parser.PackageClauseOnly|parser.ParseComments) {
		if _, ok := docs[s.dir]; !ok {
			docs[s.dir] = nil
		}
		if s.file.Doc != nil {
			docs[s.dir] = append(docs[s.dir], s.name)
		}
	}
	for dir, names := range docs {
		if len(names) != 1 {
			t.Errorf("package %s has %d package comments, not 1: %v", dir, len(names), names)
		}
	}
}

// paths are those of a machine that the project was written on.
var paths = regexp.MustCompile(`(^|[^\w.<-])/(work|home|root|farm)/`)

func TestNoMachinePaths(t *testing.T) {
	for _, name := range files(t, func(name string) bool { return path.Base(name) != "go.sum" }) {
		for i, line := range strings.Split(read(t, name), "\n") {
			if m := paths.FindString(line); m != "" {
				t.Errorf("%s:%d: machine path %s", name, i+1, m)
			}
		}
	}
}

// call is the package or variable, the function and the number of arguments of
// a call like time.Sleep(d) or, without a package, bubble(t).
func call(n ast.Node) (pkg, function string, args int) {
	c, ok := n.(*ast.CallExpr)
	if !ok {
		return "", "", 0
	}
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return "", f.Name, len(c.Args)
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name, f.Sel.Name, len(c.Args)
		}
		return "?", f.Sel.Name, len(c.Args)
	default:
		return "", "", 0
	}
}

// eachFunc calls f for each function of the tests.
func eachFunc(list []source, f func(source, *ast.FuncDecl)) {
	for _, s := range list {
		for _, decl := range s.file.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && s.test {
				f(s, d)
			}
		}
	}
}

// TestNoSleep wants real time waited for by a condition with a deadline. In a
// synctest bubble Sleep is how time passes: in a function that uses synctest,
// or calls a helper that makes a bubble, or says "bubble" in its comment
// because it is called in one.
func TestNoSleep(t *testing.T) {
	list := sources(t, parser.ParseComments)
	makers := map[string]bool{} // by directory and name
	eachFunc(list, func(s source, d *ast.FuncDecl) {
		ast.Inspect(d, func(n ast.Node) bool {
			if pkg, function, _ := call(n); pkg == "synctest" && function == "Test" {
				makers[s.dir+"."+d.Name.Name] = true
			}
			return true
		})
	})
	eachFunc(list, func(s source, d *ast.FuncDecl) {
		bubble := strings.Contains(d.Doc.Text(), "bubble")
		var sleeps []string
		ast.Inspect(d, func(n ast.Node) bool {
			pkg, function, _ := call(n)
			bubble = bubble || pkg == "synctest" || pkg == "" && makers[s.dir+"."+function]
			if pkg == "time" && function == "Sleep" {
				sleeps = append(sleeps, s.at(n.Pos()))
			}
			return true
		})
		if !bubble && len(sleeps) > 0 {
			t.Errorf("time.Sleep in %s outside a synctest bubble: %v", d.Name.Name, sleeps)
		}
	})
}

// TestSkipsSayWhy wants a reason in each skipped test's output.
func TestSkipsSayWhy(t *testing.T) {
	for _, s := range sources(t, 0) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			_, function, args := call(n)
			if function == "SkipNow" || function == "Skip" && args == 0 && s.test {
				t.Errorf("%s: a test is skipped without a reason", s.at(n.Pos()))
			}
			return true
		})
	}
}

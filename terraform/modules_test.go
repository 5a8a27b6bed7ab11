// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package terraform

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"testing"
)

// directories are those below modules that have files of a kind.
func directories(t *testing.T, pattern string) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS("."), "modules", func(name string, d fs.DirEntry, err error) error {
		if ok, _ := path.Match(pattern, d.Name()); err == nil && ok && !d.IsDir() {
			dirs = append(dirs, path.Dir(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	if len(dirs) == 0 {
		t.Fatalf("no directory has %s: the test looks in the wrong place", pattern)
	}
	return dirs
}

func TestFormatted(t *testing.T) {
	w := workspace{program(t), "."}
	if out, err := w.try("fmt", "-check", "-diff", "-recursive"); err != nil {
		t.Errorf("tofu fmt -recursive terraform would change:\n%s", out)
	}
}

// TestValid wants every module and every example to be valid.
func TestValid(t *testing.T) {
	root := tree(t)
	for _, dir := range directories(t, "*.tf") {
		t.Run(dir, func(t *testing.T) { open(t, root, dir).run(t, "validate") })
	}
}

// TestModules runs the modules' own tests: with mocked providers, each way of
// moving and each validation.
func TestModules(t *testing.T) {
	root := tree(t)
	for _, dir := range directories(t, "*.tftest.hcl") {
		t.Run(path.Dir(dir), func(t *testing.T) { t.Log(open(t, root, path.Dir(dir)).run(t, "test")) })
	}
}

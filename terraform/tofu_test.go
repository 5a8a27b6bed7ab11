// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package terraform tests the modules with the real program (OpenTofu or
// Terraform) and without a network: what they render is read by vicar itself.
package terraform

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is OpenTofu or Terraform, whichever is on PATH.
func program(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"tofu", "terraform"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("neither tofu nor terraform is on PATH")
	return ""
}

// tree is a copy of the modules, in which the program may leave files.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// workspace is an initialised directory of a tree.
type workspace struct {
	program, dir string
}

// open initialises the directory, which has no backend.
func open(t *testing.T, root, dir string) workspace {
	t.Helper()
	w := workspace{program(t), filepath.Join(root, dir)}
	w.run(t, "init", "-input=false")
	return w
}

// run runs a command of the program and returns what it prints.
func (w workspace) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := w.try(args...)
	if err != nil {
		t.Fatalf("%s %s in %s: %v\n%s", filepath.Base(w.program), strings.Join(args, " "), w.dir, err, out)
	}
	return out
}

func (w workspace) try(args ...string) (string, error) {
	cmd := exec.Command(w.program, append(args, "-no-color")...)
	cmd.Dir = w.dir
	// What is in the environment for another directory is not for this one, and
	// nothing may reach a real account.
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "TF_DATA_DIR=") && !strings.HasPrefix(e, "TF_VAR_") && !strings.HasPrefix(e, "AWS_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

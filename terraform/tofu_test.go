// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package terraform tests the modules with the real program (OpenTofu or
// Terraform) and without a network: what they render is read by vicar itself.
package terraform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// program is OpenTofu or Terraform, whichever is on PATH and can have the provider.
// Without one the test is skipped, or with VICAR_TERRAFORM=required fails.
func program(t *testing.T) string {
	t.Helper()
	path, err := found()
	switch {
	case err == nil:
		return path
	case os.Getenv("VICAR_TERRAFORM") == "required":
		t.Fatal(err)
	}
	t.Skipf("OpenTofu or Terraform with the AWS provider is not to be had here: %v", err)
	return ""
}

// found looks for the program once.
var found = sync.OnceValues(func() (string, error) {
	for _, name := range []string{"tofu", "terraform"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		dir, err := os.MkdirTemp("", "provider")
		if err != nil {
			return "", err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		if err := copyFile("modules/aws-vicar/versions.tf", filepath.Join(dir, "versions.tf")); err != nil {
			return "", err
		}
		out, err := workspace{path, dir}.try("init", "-input=false")
		if err != nil {
			return "", fmt.Errorf("%s init: %w\n%s", name, err, out)
		}
		return path, nil
	}
	return "", errors.New("neither tofu nor terraform is on PATH")
})

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
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
	return strings.Join(slices.DeleteFunc(strings.SplitAfter(string(out), "\n"), func(line string) bool {
		return strings.Contains(line, ": Refreshing state... [id=") // there are dozens, before what matters
	}), ""), err
}

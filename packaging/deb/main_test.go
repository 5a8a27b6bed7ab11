// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package deb tests the packages as those meet them who install them: with dpkg and
// rpm, on a Debian that has booted, and in a chroot.
package deb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/vicar-ha/vicar/lab/labtest"
	"github.com/vicar-ha/vicar/lab/machine"
	"github.com/vicar-ha/vicar/lab/vicar"
)

// The versions that the tests install; the lower one is the same but for that.
const (
	version = "0.2.0"
	lower   = "0.1.9"
)

var binary string

func TestMain(m *testing.M) { os.Exit(vicar.Main(&binary, m.Run)) }

// dist is the directory of what `make dist` makes, for this machine's architecture.
var dist = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(filepath.Dir(binary), "dist")
	return dir, makeDist(dir, runtime.GOARCH, "VICAR_BIN="+binary)
})

// makeDist makes packages into dir.
func makeDist(dir, architectures string, env ...string) error {
	cmd := exec.Command("make", "-s", "-C", "../..", "dist", "DIST="+dir, "ARCHES="+architectures)
	// What the make that runs the tests passes on is not for this one.
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "VERSION="+version)
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make dist: %w\n%s", err, out)
	}
	return nil
}

// made is a file of make dist.
func made(t *testing.T, pattern string) string {
	t.Helper()
	if binary == "" {
		t.Skip("needs root")
	}
	labtest.Need(t, "make", "git")
	dir, err := dist()
	labtest.OK(t, err)
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) != 1 {
		t.Fatalf("%s in what was made: %v %v", pattern, names, err)
	}
	return names[0]
}

// older is the .deb with the lower version.
func older(t *testing.T, deb string) string {
	t.Helper()
	dir := t.TempDir()
	tree, out := filepath.Join(dir, "tree"), filepath.Join(dir, "vicar_"+lower+".deb")
	tool(t, "dpkg-deb", "-R", deb, tree)
	control := filepath.Join(tree, "DEBIAN/control")
	text, err := os.ReadFile(control)
	labtest.OK(t, err)
	labtest.OK(t, os.WriteFile(control, []byte(strings.Replace(string(text), "Version: "+version, "Version: "+lower, 1)), 0o644))
	tool(t, "dpkg-deb", "-b", "-Zgzip", "-z1", tree, out)
	return out
}

// tool runs a program that has to succeed.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	labtest.Need(t, name)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// want compares what a command on the machine prints, line by line.
func want(t *testing.T, m *machine.Machine, script, lines string) {
	t.Helper()
	if got := strings.TrimSpace(m.Run(script)); got != strings.TrimSpace(lines) {
		t.Errorf("%s:\n%s\nwant\n%s", script, got, lines)
	}
}

// has wants a command on the machine to print something.
func has(t *testing.T, m *machine.Machine, script string, parts ...string) {
	t.Helper()
	got := m.Run(script)
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%s: no %q in\n%s", script, part, got)
		}
	}
}

// gone wants files of the machine not to be there.
func gone(t *testing.T, m *machine.Machine, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := os.Lstat(m.Path(name)); err == nil {
			t.Errorf("%s is there", name)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	first, err := acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = acquire(dir)
	if want := fmt.Sprintf("an agent is running in %s (process %d)", dir, os.Getpid()); !errors.Is(err, errLocked) || err.Error() != want {
		t.Errorf("the second: %v, want %s", err, want)
	}
	first.release()
	second, err := acquire(dir)
	if err != nil {
		t.Fatalf("after the first: %v", err)
	}
	second.release()
}

// A lock's file that says nothing sensible locks as well.
func TestLockOfNobody(t *testing.T) {
	dir := t.TempDir()
	l, err := acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	for _, text := range []string{"", strings.Repeat("9", 10000)} {
		if err := os.WriteFile(filepath.Join(dir, lockName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := acquire(dir); !errors.Is(err, errLocked) || len(err.Error()) > 300 {
			t.Errorf("with %.20q: %v", text, err)
		}
	}
}

func TestLockWithoutDirectory(t *testing.T) {
	if _, err := acquire(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v, want fs.ErrNotExist", err)
	}
}

// Only one of two agents gets a runtime directory, and release leaves the
// other's addresses alone. This needs no rights: it ends at the lock.
func TestLockedCommands(t *testing.T) {
	dir := t.TempDir()
	l, err := acquire(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer l.release()
	hide := []string{dir, "DIR", fmt.Sprintf("process %d", os.Getpid()), "process PID"}
	for name, args := range map[string][]string{
		"locked-run":     {"run", "--config", "testdata/good.yaml", "--runtime-dir", dir},
		"locked-release": {"release", "--runtime-dir", dir},
		"locked-purge":   {"release", "--purge", "--runtime-dir", dir},
	} {
		got := vicar(t.Context(), args...)
		if got.code != exitFailure {
			t.Errorf("%s: exit code %d, want %d", name, got.code, exitFailure)
		}
		golden(t, name+".txt", got.hide(hide...).String())
	}
}

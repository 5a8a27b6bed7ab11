// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/agent"
)

// TestGivenUp: what was written down counts once, and with its age.
func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	take := func() agent.Resume { return takeGivenUp(dir, log) }
	if got := take(); len(got.Resources) > 0 {
		t.Errorf("from nothing: %v", got)
	}
	if err := keepGivenUp(dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, givenUpFile)); err == nil {
		t.Error("a file that says nothing")
	}
	resources := []string{"router web", "sync group edge"}
	if err := keepGivenUp(dir, resources); err != nil {
		t.Fatal(err)
	}
	got := take()
	if diff := cmp.Diff(resources, got.Resources); diff != "" || got.Ago < 0 || got.Ago > time.Minute {
		t.Errorf("%v ago: %s", got.Ago, diff)
	}
	if got := take(); len(got.Resources) > 0 {
		t.Errorf("a second time: %v", got)
	}
}

// TestGivenUpDamaged: a file that makes no sense, or is of another boot, is as none,
// and is gone.
func TestGivenUpDamaged(t *testing.T) {
	now, err := sinceBoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", `{"at_ns": "now"}`, fmt.Sprintf(`{"at_ns": %d, "resources": ["router web"]}`, now+time.Hour)} {
		dir := t.TempDir()
		path := filepath.Join(dir, givenUpFile)
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if got := takeGivenUp(dir, slog.New(slog.NewTextHandler(t.Output(), nil))); len(got.Resources) > 0 {
			t.Errorf("%q: %v", text, got)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%q is there still", text)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the expected files in testdata")

// golden compares got with a file in the repository, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; go test ./config -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("%s: go test ./config -update rewrites it\ngot:\n%s\nwant:\n%s", file, got, want)
	}
}

// TestInvalid compares what is said of each testdata/invalid-*.yaml with the
// .txt beside it.
func TestInvalid(t *testing.T) {
	files, _ := filepath.Glob("testdata/invalid-*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := Parse(filepath.Base(file), data)
			if err == nil {
				t.Fatalf("it is valid: %+v", c)
			}
			if _, ok := errors.AsType[Errors](err); !ok {
				t.Errorf("the error is a %T", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// TestWarnings compares what is warned of in each testdata/warning-*.yaml.
func TestWarnings(t *testing.T) {
	files, _ := filepath.Glob("testdata/warning-*.yaml")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			c, err := Load(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Warnings) == 0 {
				t.Error("no warning")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", c.Warnings.Error()+"\n")
		})
	}
}

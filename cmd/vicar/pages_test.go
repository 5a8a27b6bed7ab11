// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/vicar-ha/vicar/config"
)

// pages are what vicar docs writes.
func pages(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var stderr bytes.Buffer
	env := func(name string) string {
		if name == "SOURCE_DATE_EPOCH" {
			return "1700000000"
		}
		return ""
	}
	if code := run(t.Context(), []string{"docs", dir}, &bytes.Buffer{}, &stderr, env); code != exitOK {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	return dir
}

// Every command that users see has its page, and the pages lead to others that
// are there.
func TestManualPages(t *testing.T) {
	dir := filepath.Join(pages(t), "man")
	want := map[string]bool{"vicar.yaml.5": true}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden {
			return
		}
		want[strings.ReplaceAll(cmd.CommandPath(), " ", "-")+".8"] = true
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk((&app{env: func(string) string { return "" }}).root())
	got := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		got[e.Name()] = true
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), `"Nov 2023"`) {
			t.Errorf("%s has not the source's date", e.Name())
		}
		for _, word := range strings.FieldsFunc(strings.ReplaceAll(string(text), `\-`, "-"), func(r rune) bool { return strings.ContainsRune(" \n,\\", r) }) {
			if name, ok := strings.CutSuffix(word, "(8)"); ok && strings.HasPrefix(name, "fBvicar") && !want[strings.TrimPrefix(name, "fB")+".8"] {
				t.Errorf("%s leads to %s, which is not there", e.Name(), word)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pages (-commands +pages):\n%s", diff)
	}
}

// vicar.yaml(5) has each key.
func TestFilePage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(pages(t), "man/vicar.yaml.5"))
	if err != nil {
		t.Fatal(err)
	}
	keys := config.Keys()
	for _, k := range keys {
		if k.Description == "" {
			t.Errorf("%s has no description", k.Path)
		}
		if !strings.Contains(string(text), "\n"+roff(k.Description)+"\n") {
			t.Errorf("the page lacks %s", k.Path)
		}
	}
	if len(keys) < 100 {
		t.Errorf("only %d keys", len(keys))
	}
	if _, err := config.Parse("example", []byte(fileExample)); err != nil {
		t.Errorf("the page's example: %v", err)
	}
}

// groff has nothing to say about the pages.
func TestPagesFormatted(t *testing.T) {
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skipf("needs groff: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(pages(t), "man/*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, name := range names {
		if out, err := exec.CommandContext(t.Context(), groff, "-man", "-Tutf8", "-ww", "-z", name).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("groff %s: %v\n%s", filepath.Base(name), err, out)
		}
	}
}

// The scripts are what a shell reads without an error.
func TestCompletionScripts(t *testing.T) {
	dir := filepath.Join(pages(t), "completions")
	for file, shell := range map[string]string{"vicar.bash": "bash", "_vicar": "zsh", "vicar.fish": "fish"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		if !strings.Contains(string(text), "__complete") {
			t.Errorf("%s asks nobody for completions", file)
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			continue
		}
		if out, err := exec.CommandContext(t.Context(), path, "-n", filepath.Join(dir, file)).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s -n %s: %v\n%s", shell, file, err, out)
		}
	}
}

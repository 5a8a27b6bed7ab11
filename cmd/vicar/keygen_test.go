// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/transport/gossip"
)

// keysOf are the keys of a file that an agent would take.
func keysOf(t *testing.T, path string) []string {
	t.Helper()
	keys, err := gossip.LoadKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, k := range keys {
		names = append(names, gossip.Fingerprint(k))
	}
	return names
}

func TestKeygen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	got := vicar(t.Context(), "keygen", "-o", path)
	golden(t, "keygen.txt", got.hide(path, "FILE").String())
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	first := keysOf(t, path)
	if len(first) != 1 {
		t.Errorf("%d keys", len(first))
	}
	golden(t, "keygen-there.txt", vicar(t.Context(), "keygen", "-o", path).hide(path, "FILE").String())
	if again := keysOf(t, path); !slices.Equal(again, first) {
		t.Error("the file was overwritten")
	}
	none := filepath.Join(path+".d", "keys")
	golden(t, "keygen-nowhere.txt", vicar(t.Context(), "keygen", "-o", none).hide(none, "DIR/keys", filepath.Dir(none), "DIR").String())
	out := vicar(t.Context(), "keygen", "-o", "-")
	if f, err := gossip.ParseKeyFile(out.stdout); err != nil || len(f.Keys()) != 1 || gossip.Fingerprint(f.Keys()[0]) == first[0] {
		t.Errorf("standard output: %v %v", f.Keys(), err)
	}
}

// A key is changed in three steps, with every file readable by whom has the one
// before and the one after.
func TestKeygenRotate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	if got := vicar(t.Context(), "keygen", "-o", path); got.code != exitOK {
		t.Fatal(got)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	files := [][]string{keysOf(t, path)}
	for _, step := range []string{"add", "use", "drop"} {
		for _, wrong := range []string{"add", "use", "drop"} {
			if wrong == step {
				continue
			}
			got := vicar(t.Context(), "keygen", "--rotate", path, "--step", wrong)
			if got.code != exitFailure || !strings.Contains(got.stderr, `is "`+step+`"`) {
				t.Errorf("step %s in the place of %s: %v", wrong, step, got)
			}
		}
		got := vicar(t.Context(), "keygen", "--rotate", link)
		golden(t, "keygen-"+step+".txt", got.hide(link, "FILE").String())
		files = append(files, keysOf(t, path))
	}
	old, added := files[0][0], files[3][0]
	want := [][]string{{old}, {old, added}, {added, old}, {added}}
	if !slices.EqualFunc(files, want, slices.Equal) || old == added {
		t.Errorf("keys %v, want %v", files, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(text), keyFileHead) {
		t.Errorf("the file lost its comment: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link was replaced: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if got := vicar(t.Context(), "keygen", "--rotate", path, "--step", "add"); got.code != exitOK {
		t.Errorf("the next change: %v", got)
	}
}

func TestKeygenRefuses(t *testing.T) {
	open := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(open, []byte(gossip.GenerateKey()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"others can read it": {[]string{"--rotate", open}, exitFailure, "chmod 0600"},
		"it is not there":    {[]string{"--rotate", open + "x"}, exitFailure, "without --rotate a new file is made"},
		"no such step":       {[]string{"--rotate", open, "--step", "leap"}, exitUsage, "add, use or drop"},
		"a step of no file":  {[]string{"--step", "use"}, exitUsage, "--rotate"},
		"both":               {[]string{"--rotate", open, "-o", open}, exitUsage, "rotate"},
		"an argument":        {[]string{open}, exitUsage, "no argument"},
	}
	for name, tc := range tests {
		got := vicar(t.Context(), append([]string{"keygen"}, tc.args...)...)
		if got.code != tc.code || !strings.Contains(got.stderr, tc.want) {
			t.Errorf("%s: %v, want %d and %q", name, got, tc.code, tc.want)
		}
	}
}

// TestNoKeys wants an agent without a key file to say how one is made.
func TestNoKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := loadKeys(path); err == nil || !strings.Contains(err.Error(), "vicar keygen -o "+path) {
		t.Errorf("got %v", err)
	}
	if err := createKeys(path); err != nil {
		t.Fatal(err)
	}
	if keys, err := loadKeys(path); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// TestBadKeys wants an agent with a key file that only a person can mend to end as with
// an invalid configuration, after which systemd doesn't start it again.
func TestBadKeys(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for path, want := range map[string]int{
		file("open", newKeys(), 0o644):   exitConfig,
		file("no key", "what?\n", 0o600): exitConfig,
		file("empty", "", 0o600):         exitConfig,
		dir:                              exitConfig,
		filepath.Join(dir, "missing"):    exitFailure,
	} {
		_, err := loadKeys(path)
		if code := (&app{started: true}).code(err); code != want {
			t.Errorf("%s: code %d, want %d: %v", filepath.Base(path), code, want, err)
		}
	}
}

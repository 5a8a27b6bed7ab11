// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package child

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// safeDir is a directory on whose path nobody but root can write, unlike the
// one for temporary files.
func safeDir(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to write where nobody else can")
	}
	for _, parent := range []string{"/run", "/var/lib"} {
		dir, err := os.MkdirTemp(parent, "vicar-child-test-")
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := checkSafe(dir, nil); !errors.Is(err, ErrUnsafe) {
			return dir
		}
	}
	t.Skip("needs a directory on whose path only root can write")
	return ""
}

// write writes a file with exactly the mode.
func write(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode.Perm()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestSafe(t *testing.T) {
	const app, other = 4711, 4712
	type step struct {
		path     string // below the directory; a final / makes a directory, a -> b a link
		mode     fs.FileMode
		uid, gid int
	}
	for _, tt := range []struct {
		name  string
		steps []step
		path  string // to run, below the directory
		err   error
		text  string // in the error, DIR for the directory
	}{
		{name: "root's", steps: []step{{"a/", 0o755, 0, 0}, {"a/x", 0o755, 0, 0}}, path: "a/x"},
		{name: "the user's", steps: []step{{"a/", 0o755, app, app}, {"a/x", 0o700, app, app}}, path: "a/x"},
		{
			name: "root's group", steps: []step{{"a/", 0o755, 0, 0}, {"a/x", 0o775, 0, 0}}, path: "a/x",
			err: ErrUnsafe, text: "DIR/a/x may be written by the group 0 (owner root, mode -rwxrwxr-x): run chmod go-w DIR/a/x",
		},
		{
			name: "another's file", steps: []step{{"x", 0o755, other, 0}}, path: "x",
			err: ErrUnsafe, text: "DIR/x belongs to 4712 (mode -rwxr-xr-x): run chown root DIR/x",
		},
		{
			name: "another's directory", steps: []step{{"a/", 0o755, other, 0}, {"a/b/", 0o755, 0, 0}, {"a/b/x", 0o755, 0, 0}}, path: "a/b/x",
			err: ErrUnsafe, text: "DIR/a belongs to 4712 (mode drwxr-xr-x): move the program",
		},
		{
			name: "file for all", steps: []step{{"x", 0o757, 0, 0}}, path: "x",
			err: ErrUnsafe, text: "DIR/x may be written by everybody (owner root, mode -rwxr-xrwx): run chmod go-w DIR/x",
		},
		{
			name: "file for a group", steps: []step{{"x", 0o775, 0, app}}, path: "x",
			err: ErrUnsafe, text: "DIR/x may be written by the group 4711 (owner root, mode -rwxrwxr-x): run chmod go-w DIR/x",
		},
		{
			name: "group 0, not root's", steps: []step{{"x", 0o775, app, 0}}, path: "x",
			err: ErrUnsafe, text: "DIR/x may be written by the group 0 (owner 4711",
		},
		{
			name: "directory for all", steps: []step{{"a/", 0o777, 0, 0}, {"a/b/", 0o755, 0, 0}, {"a/b/x", 0o755, 0, 0}}, path: "a/b/x",
			err: ErrUnsafe, text: "DIR/a may be written by everybody",
		},
		{
			name: "sticky directory", steps: []step{{"tmp/", 0o777 | fs.ModeSticky, 0, 0}, {"tmp/x", 0o755, 0, 0}}, path: "tmp/x",
			err: ErrUnsafe, text: "DIR/tmp may be written by everybody (owner root, mode dtrwxrwxrwx): move the program to a directory that only root can write to, /usr/local/bin for instance",
		},
		{name: "link", steps: []step{{"a/", 0o755, 0, 0}, {"a/x", 0o755, 0, 0}, {path: "l -> a/x"}}, path: "l"},
		{
			name: "link to directory", path: "l/../b/x",
			steps: []step{{"a/", 0o755, 0, 0}, {"a/c/", 0o755, 0, 0}, {"a/b/", 0o755, 0, 0}, {"a/b/x", 0o755, 0, 0}, {path: "l -> a/c"}},
		},
		{
			name: "link's directory", path: "a/l",
			steps: []step{{"a/", 0o777, 0, 0}, {"x", 0o755, 0, 0}, {path: "a/l -> ../x"}},
			err:   ErrUnsafe, text: "DIR/a may be written by everybody",
		},
		{
			name: "link through another's directory", path: "l",
			steps: []step{{"a/", 0o777, 0, 0}, {"b/", 0o755, 0, 0}, {"b/x", 0o755, 0, 0}, {path: "a/m -> ../b"}, {path: "l -> DIR/a/m/x"}},
			err:   ErrUnsafe, text: "DIR/a may be written by everybody",
		},
		{
			name: "link to another's file", path: "l",
			steps: []step{{"x", 0o755, other, 0}, {path: "l -> x"}},
			err:   ErrUnsafe, text: "DIR/x belongs to 4712",
		},
		{name: "links in a circle", steps: []step{{path: "l -> m"}, {path: "m -> l"}}, path: "l", err: syscall.ELOOP},
		{name: "not there", path: "a/x", err: fs.ErrNotExist},
		{name: "below a file", steps: []step{{"x", 0o755, 0, 0}}, path: "x/y", err: syscall.ENOTDIR},
		{name: "directory", steps: []step{{"a/", 0o755, 0, 0}}, path: "a", text: "DIR/a is a directory"},
		{name: "not executable", steps: []step{{"x", 0o644, 0, 0}}, path: "x", text: "DIR/x can't be executed (mode -rw-r--r--): run chmod +x DIR/x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := safeDir(t)
			for _, s := range tt.steps {
				path := filepath.Join(dir, s.path)
				if from, to, ok := strings.Cut(s.path, " -> "); ok {
					if err := os.Symlink(strings.ReplaceAll(to, "DIR", dir), filepath.Join(dir, from)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if strings.HasSuffix(s.path, "/") {
					if err := os.Mkdir(path, 0o755); err != nil {
						t.Fatal(err)
					}
				} else {
					write(t, path, "", 0o755)
				}
				if err := errors.Join(os.Chown(path, s.uid, s.gid), os.Chmod(path, s.mode)); err != nil {
					t.Fatal(err)
				}
			}
			err := checkSafe(dir+"/"+tt.path, []int{app})
			if tt.err == nil && tt.text == "" {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil && strings.Contains(err.Error(), ": run ch") && !strings.HasSuffix(err.Error(), "/x") {
				t.Errorf("a remedy that opens or closes a directory for others: %v", err)
			}
			if err == nil || tt.err != nil && !errors.Is(err, tt.err) || !strings.Contains(err.Error(), strings.ReplaceAll(tt.text, "DIR", dir)) {
				t.Errorf("got %v, want %v with %s", err, tt.err, tt.text)
			}
		})
	}
}

// TestSafeBeforeEachRun: a file that became unsafe is not run any more.
func TestSafeBeforeEachRun(t *testing.T) {
	path := filepath.Join(safeDir(t), "check")
	write(t, path, "#!/bin/sh\necho ran\n", 0o755)
	p, err := New(Config{Argv: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := p.Run(t.Context(), nil); err != nil || string(out.Tail) != "ran\n" {
		t.Fatalf("got %q, %v", out.Tail, err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := p.Run(t.Context(), nil); !errors.Is(err, ErrUnsafe) || out.Bytes > 0 {
		t.Errorf("got %q, %v", out.Tail, err)
	}
	if _, err := New(Config{Argv: []string{path}}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("New: got %v", err)
	}
}

// TestLate: a program that New is not to look at may come, and be put right, later.
func TestLate(t *testing.T) {
	path := filepath.Join(safeDir(t), "mover")
	p, err := New(Config{Argv: []string{path}, Late: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Run(t.Context(), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("not there: got %v", err)
	}
	write(t, path, "#!/bin/sh\necho ran\n", 0o775)
	if out, err := p.Run(t.Context(), nil); !errors.Is(err, ErrUnsafe) || out.Bytes > 0 {
		t.Errorf("unsafe: got %q, %v", out.Tail, err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := p.Run(t.Context(), nil); err != nil || string(out.Tail) != "ran\n" {
		t.Errorf("put right: got %q, %v", out.Tail, err)
	}
}

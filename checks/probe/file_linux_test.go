// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// files is a directory of a test.
type files struct {
	t   *testing.T
	dir string
}

func newFiles(t *testing.T) *files {
	t.Helper()
	// As the kernel sees it: the way to the test's directory is not the test's.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	labtest.OK(t, err)
	return &files{t, dir}
}

func (f *files) path(name string) string { return filepath.Join(f.dir, name) }

func (f *files) write(name, content string) {
	f.t.Helper()
	labtest.OK(f.t, os.WriteFile(f.path(name), []byte(content), 0o600))
}

func (f *files) mkdir(name string)  { f.t.Helper(); labtest.OK(f.t, os.MkdirAll(f.path(name), 0o700)) }
func (f *files) remove(name string) { f.t.Helper(); labtest.OK(f.t, os.RemoveAll(f.path(name))) }
func (f *files) rename(from, to string) {
	f.t.Helper()
	labtest.OK(f.t, os.Rename(f.path(from), f.path(to)))
}

func (f *files) link(to, name string) { f.t.Helper(); labtest.OK(f.t, os.Symlink(to, f.path(name))) }

func (f *files) replace(name, to string) { f.t.Helper(); f.write(".new", to); f.rename(".new", name) }

func TestFile(t *testing.T) {
	f := newFiles(t)
	f.write("full", " maintenance\n")
	f.write("empty", "")
	f.write("bad", "\x1b[2J"+strings.Repeat("x", 1000))
	f.write("big", strings.Repeat("x", 1<<20)+"end")
	f.mkdir("directory")
	f.link("full", "link")
	f.link("nowhere", "dangling")
	f.link("loop", "loop")
	labtest.OK(t, unix.Mkfifo(f.path("fifo"), 0o600))
	for _, c := range []struct {
		name string
		kind checks.File
		want string
	}{
		{"exists", checks.File{Path: "full"}, ""},
		{"missing", checks.File{Path: "none"}, "file " + f.path("none") + ": does not exist"},
		{"missing in a file", checks.File{Path: "full/none"}, "does not exist"},
		{"missing directory", checks.File{Path: "none/none"}, "does not exist"},
		{"missing, wanted content", checks.File{Path: "none", Value: "1"}, "does not exist"},
		{"absent", checks.File{Path: "none", Absent: true}, ""},
		{"absent in a file", checks.File{Path: "full/none", Absent: true}, ""},
		{"not absent", checks.File{Path: "full", Absent: true}, "file " + f.path("full") + ": exists"},
		{"link", checks.File{Path: "link", Value: "maintenance"}, ""},
		{"dangling link", checks.File{Path: "dangling"}, "does not exist"},
		{"loop", checks.File{Path: "loop"}, "looking for it: too many levels of symbolic links"},
		{"loop is not absent", checks.File{Path: "loop", Absent: true}, "looking for it: too many levels of symbolic links"},
		{"value", checks.File{Path: "full", Value: "maintenance"}, ""},
		{"value with space", checks.File{Path: "full", Value: "maintenance "}, ""},
		{"wrong value", checks.File{Path: "full", Value: "normal"}, `: contains "maintenance", want "normal"`},
		{"empty", checks.File{Path: "empty", Value: "normal"}, `: contains "", want "normal"`},
		{"pattern", checks.File{Path: "full", Expect: "^ main"}, ""},
		{"wrong pattern", checks.File{Path: "full", Expect: "^main"}, `: does not match /^main/ (begins with " maintenance\n")`},
		{"both", checks.File{Path: "full", Value: "maintenance", Expect: "tenance$"}, `does not match /tenance$/`},
		{"beginning of a big file", checks.File{Path: "big", Expect: "^x"}, ""},
		{"end of a big file", checks.File{Path: "big", Expect: "end"}, "does not match /end/"},
		{"control characters", checks.File{Path: "bad", Value: "1"}, `contains "\x1b[2Jxxx`},
		{"directory", checks.File{Path: "directory"}, ""},
		{"content of a directory", checks.File{Path: "directory", Value: "1"}, "is not a regular file"},
		{"FIFO", checks.File{Path: "fifo"}, ""},
		{"content of a FIFO", checks.File{Path: "fifo", Expect: "x"}, "is not a regular file"},
		{"content of a device", checks.File{Path: "/dev/zero", Expect: "x"}, "is not a regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !filepath.IsAbs(c.kind.Path) {
				c.kind.Path = f.dir + "/" + c.kind.Path
			}
			err := lookFor(newProbe(t, c.kind), plenty)
			want(t, err, c.want)
			if err != nil && (strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600) {
				t.Errorf("%q is not fit to print", err)
			}
		})
	}
}

// A FIFO that takes the file's place between the two looks at it.
func TestFileOpensFIFO(t *testing.T) {
	f := newFiles(t)
	labtest.OK(t, unix.Mkfifo(f.path("fifo"), 0o600))
	if _, err := (&fileProbe{path: f.path("fifo")}).read(); !errors.Is(err, errNotRegular) {
		t.Errorf("got %v", err)
	}
	_, err := (&fileProbe{path: f.path("none")}).read()
	if !errors.Is(err, errMissing) {
		t.Errorf("got %v", err)
	}
}

func TestFileRejected(t *testing.T) {
	for _, c := range []struct {
		kind checks.File
		want string
	}{
		{checks.File{Path: "relative"}, `path "relative": want an absolute one`},
		{checks.File{Path: ""}, `path "": want an absolute one`},
		{checks.File{Path: "/x", Expect: "("}, "compiling the pattern of the content"},
		{checks.File{Path: "/x", Absent: true, Value: "1"}, "can't have content"},
	} {
		_, err := New(c.kind)
		want(t, err, c.want)
	}
}

func TestFileCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newProbe(t, checks.File{Path: "/"}).Probe(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/lab/labtest"
)

// step is a change and what it comes to.
type step struct {
	what string
	do   func(f *files)
	want string
}

const gone = "does not exist"

func TestFileWakes(t *testing.T) {
	for _, c := range []struct {
		name  string
		path  string
		value string
		begin func(f *files)
		first string
		steps []step
	}{
		{
			name: "file", path: "file", value: "1", first: gone,
			steps: []step{
				{"create", func(f *files) { f.write("file", "1") }, ""},
				{"write in place", func(f *files) { f.write("file", "2") }, `contains "2"`},
				{"rename over", func(f *files) { f.replace("file", "1") }, ""},
				{"rename over again", func(f *files) { f.replace("file", "3") }, `contains "3"`},
				{"write in the new one", func(f *files) { f.write("file", "1") }, ""},
				{"rename away", func(f *files) { f.rename("file", "other") }, gone},
				{"rename back", func(f *files) { f.rename("other", "file") }, ""},
				{"remove", func(f *files) { f.remove("file") }, gone},
				{"create again", func(f *files) { f.write("file", "1") }, ""},
				{"make a directory of it", func(f *files) { f.remove("file"); f.mkdir("file") }, "is not a regular file"},
			},
		},
		{
			name: "directories", path: "a/b/c/file", first: gone,
			steps: []step{
				{"all at once", func(f *files) { f.mkdir("a/b/c"); f.write("a/b/c/file", "") }, ""},
				{"remove all", func(f *files) { f.remove("a") }, gone},
				{"one after the other", func(f *files) {
					f.mkdir("a")
					f.mkdir("a/b")
					f.mkdir("a/b/c")
					f.write("a/b/c/file", "")
				}, ""},
				{"rename the first away", func(f *files) { f.rename("a", "z") }, gone},
				{"rename it back", func(f *files) { f.rename("z", "a") }, ""},
				{"rename the second away", func(f *files) { f.rename("a/b", "a/z") }, gone},
				{"make another with the file", func(f *files) { f.mkdir("new/c"); f.write("new/c/file", ""); f.rename("new", "a/b") }, ""},
				{"remove the last", func(f *files) { f.remove("a/b/c") }, gone},
				{"remove and make again", func(f *files) { f.remove("a/b"); f.mkdir("a/b/c"); f.write("a/b/c/file", "") }, ""},
			},
		},
		{
			name: "links", path: "file", value: "1",
			// As Kubernetes shows a ConfigMap.
			begin: func(f *files) {
				f.mkdir("one")
				f.mkdir("two")
				f.write("one/file", "1")
				f.write("two/file", "2")
				f.link("one", "data")
				f.link("data/file", "file")
			},
			steps: []step{
				{"switch", func(f *files) { f.link("two", "new"); f.rename("new", "data") }, `contains "2"`},
				{"write what is linked", func(f *files) { f.write("two/file", "1") }, ""},
				{"remove what is linked", func(f *files) { f.remove("two") }, gone},
				{"make it again", func(f *files) { f.mkdir("two"); f.write("two/file", "1") }, ""},
				{"an absolute link", func(f *files) { f.link(f.path("one/../two/../one"), "new"); f.rename("new", "data") }, ""},
				{"write there", func(f *files) { f.write("one/file", "3") }, `contains "3"`},
				{"a loop", func(f *files) { f.link("data", "new"); f.rename("new", "data") }, "too many levels"},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFiles(t)
			if c.begin != nil {
				c.begin(f)
			}
			w := watch(t, checks.File{Path: f.path(c.path), Value: c.value})
			w.until("first", c.first)
			for _, s := range c.steps {
				s.do(f)
				w.until(s.what, s.want)
			}
		})
	}
}

// Absent is woken in the same way.
func TestFileWakesAbsent(t *testing.T) {
	f := newFiles(t)
	w := watch(t, checks.File{Path: f.path("maintenance"), Absent: true})
	w.until("first", "")
	f.write("maintenance", "")
	w.until("create", "exists")
	f.remove("maintenance")
	w.until("remove", "")
}

// What happens to other files of the directory is not told.
func TestFileWakesForItselfOnly(t *testing.T) {
	f := newFiles(t)
	w := watch(t, checks.File{Path: f.path("file")})
	w.until("first", gone)
	for range 200 {
		f.write("other", "")
		f.remove("other")
	}
	f.write("file", "")
	w.until("create", "")
	// One look at the beginning, and at most one for each event of the file's
	// creation.
	if n := w.looks.Load(); n > 4 {
		t.Errorf("got %d looks", n)
	}
}

// A file that is open for writing is not looked at.
func TestFileWakesWhenClosed(t *testing.T) {
	f := newFiles(t)
	f.write("file", "1")
	w := watch(t, checks.File{Path: f.path("file"), Value: "1"})
	w.until("first", "")
	before := w.looks.Load()
	file, err := os.OpenFile(f.path("file"), os.O_WRONLY|os.O_TRUNC, 0)
	labtest.OK(t, err)
	_, err = file.WriteString("2")
	labtest.OK(t, err)
	labtest.OK(t, file.Close())
	w.until("close", `contains "2"`)
	if n := w.looks.Load() - before; n != 1 {
		t.Errorf("got %d looks, want 1", n)
	}
}

func TestFileWakeEnds(t *testing.T) {
	f := newFiles(t)
	p := newProbe(t, checks.File{Path: f.path("file")}).(checks.Waker)
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	if err := p.Wake(ctx, cancel); err != nil {
		t.Errorf("got %v", err)
	}
	if err := p.Wake(ctx, func() { t.Error("looks though it has ended") }); err != nil {
		t.Errorf("got %v", err)
	}
	goroutines(t, before)
}

// A directory that may be used but not listed can't be watched.
func TestFileWakeForbidden(t *testing.T) {
	f := newFiles(t)
	f.mkdir("closed")
	labtest.OK(t, os.Chmod(f.path("closed"), 0o300))
	t.Cleanup(func() { labtest.OK(t, os.Chmod(f.path("closed"), 0o700)) })
	p := newProbe(t, checks.File{Path: f.path("closed/file")}).(checks.Waker)
	got := make(chan error)
	go func() {
		// Root may list it by a capability; the thread ends with the goroutine.
		runtime.LockOSThread()
		var none [2]unix.CapUserData
		if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
			got <- err
			return
		}
		got <- p.Wake(t.Context(), func() {})
	}()
	want(t, <-got, "permission denied")
}

// notification is a struct inotify_event.
func notification(wd int32, mask uint32, name string, size int) []byte {
	b := make([]byte, 16, 16+len(name))
	binary.NativeEndian.PutUint32(b, uint32(wd))
	binary.NativeEndian.PutUint32(b[4:], mask)
	binary.NativeEndian.PutUint32(b[12:], uint32(size))
	return append(b, name...)
}

func TestPathWatchEvents(t *testing.T) {
	for _, c := range []struct {
		name           string
		events         []byte
		changed, stale bool
	}{
		{"overflow", notification(-1, unix.IN_Q_OVERFLOW, "", 0), true, true},
		{"the name", notification(1, unix.IN_CREATE, "file\x00\x00\x00\x00", 8), true, true},
		{"another name", notification(1, unix.IN_CREATE, "files\x00\x00\x00", 8), false, false},
		{"another directory", notification(2, unix.IN_CREATE, "file\x00\x00\x00\x00", 8), false, false},
		{"written", notification(1, unix.IN_CLOSE_WRITE, "file\x00\x00\x00\x00", 8), true, false},
		{"the directory", notification(1, unix.IN_DELETE_SELF, "", 0), true, true},
		{"removed", notification(1, unix.IN_IGNORED, "", 0), true, true},
		{"half", notification(1, unix.IN_CREATE, "file", 8), false, false},
		{"nothing", nil, false, false},
		{
			"two", append(notification(1, unix.IN_CREATE, "other\x00\x00\x00", 8), notification(1, unix.IN_CLOSE_WRITE, "", 0)...),
			true, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := pathWatch{names: map[int32][]string{1: {"file"}}}
			w.take(c.events)
			if w.changed != c.changed || w.stale != c.stale {
				t.Errorf("got changed %v, stale %v; want %v, %v", w.changed, w.stale, c.changed, c.stale)
			}
		})
	}
}

func FuzzPathWatch(f *testing.F) {
	f.Add(notification(1, unix.IN_CREATE, "file\x00\x00\x00\x00", 8))
	f.Add(notification(1, unix.IN_CREATE, "file", 1<<31-1))
	f.Add(notification(-1, unix.IN_Q_OVERFLOW, "", -1))
	f.Fuzz(func(t *testing.T, b []byte) {
		w := pathWatch{names: map[int32][]string{1: {"file"}, 2: nil}}
		w.take(b)
		if w.stale && !w.changed {
			t.Error("the way changed, but not what it leads to")
		}
	})
}

// Many links make no endless way.
func TestPathWatchLinks(t *testing.T) {
	f := newFiles(t)
	f.link("../"+filepath.Base(f.dir)+"/x", "x")
	w := watch(t, checks.File{Path: f.path("x/y")})
	w.until("first", "too many levels")
	f.mkdir("real")
	f.write("real/y", "")
	f.link("real", "new")
	f.rename("new", "x")
	w.until("a link that leads on", "")
}

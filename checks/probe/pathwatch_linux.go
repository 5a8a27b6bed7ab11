// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// dirEvents are those of a directory that may change where a path leads.
	dirEvents = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
		unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ATTRIB | unix.IN_ONLYDIR
	// fileEvents are those of the file itself. IN_MODIFY would show a file that
	// is being written.
	fileEvents = unix.IN_CLOSE_WRITE | unix.IN_ATTRIB | unix.IN_DELETE_SELF | unix.IN_MOVE_SELF
	// maxLinks is how many links a path may lead through, as the kernel has it.
	maxLinks = 40
)

// pathWatch watches all that a path leads through.
type pathWatch struct {
	raw  syscall.RawConn // inotify
	path string
	// names are what counts in each watched directory; a watched file has none.
	names map[int32][]string
	// changed says that what the path leads to may have, stale that the way there
	// may have.
	changed, stale bool
}

// arm watches what the path leads through now. Each directory is watched before
// what it holds is read, so that no change is missed.
func (w *pathWatch) arm() error {
	before := w.names
	w.names = map[int32][]string{}
	if err := w.walk(); err != nil {
		return err
	}
	for wd := range before {
		if _, ok := w.names[wd]; !ok {
			w.remove(wd)
		}
	}
	return nil
}

// walk goes along the path as far as it leads.
func (w *pathWatch) walk() error {
	dir, rest, links := "/", strings.TrimPrefix(w.path, "/"), 0
	for rest != "" {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			dir = filepath.Dir(dir)
			continue
		}
		// A directory that may be passed but not listed can't be watched.
		err := w.add(dir, dirEvents, name)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
			return nil // just gone, which its parent tells
		}
		if err != nil && (!errors.Is(err, unix.EACCES) || rest == "") {
			return err
		}
		next := filepath.Join(dir, name)
		info, err := os.Lstat(next)
		if err != nil {
			return nil // the way ends here
		}
		if info.Mode()&os.ModeSymlink == 0 {
			dir = next
			continue
		}
		to, err := os.Readlink(next)
		if err != nil {
			return nil
		}
		if links++; links > maxLinks {
			return nil // it ends nowhere
		}
		if filepath.IsAbs(to) {
			dir = "/"
		}
		rest = to + "/" + rest
	}
	// The file's other names, and its permissions, show only on itself.
	err := w.add(dir, fileEvents, "")
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
		return nil
	}
	return err
}

// add watches a directory for a name, or a file.
func (w *pathWatch) add(path string, events uint32, name string) error {
	var wd int
	var failed error
	err := w.raw.Control(func(fd uintptr) {
		wd, failed = unix.InotifyAddWatch(int(fd), path, events|unix.IN_MASK_ADD)
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("watching %s: %w", path, err)
	}
	names := w.names[int32(wd)]
	if name != "" {
		names = append(names, name)
	}
	w.names[int32(wd)] = names
	return nil
}

// remove ends a watch, if the kernel has not done so.
func (w *pathWatch) remove(wd int32) {
	_ = w.raw.Control(func(fd uintptr) { _, _ = unix.InotifyRmWatch(int(fd), uint32(wd)) })
}

// take reads events: struct inotify_event of inotify(7), each followed by a
// name that is filled up with zeros.
func (w *pathWatch) take(b []byte) {
	for len(b) >= unix.SizeofInotifyEvent {
		wd := int32(binary.NativeEndian.Uint32(b))
		mask := binary.NativeEndian.Uint32(b[4:])
		size := int(binary.NativeEndian.Uint32(b[12:]))
		b = b[unix.SizeofInotifyEvent:]
		if size > len(b) {
			break
		}
		name, _, _ := bytes.Cut(b[:size], []byte{0})
		b = b[size:]
		w.event(wd, mask, string(name))
	}
}

// event notes what an event means.
func (w *pathWatch) event(wd int32, mask uint32, name string) {
	names, known := w.names[wd]
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0: // anything may have happened
		w.changed, w.stale = true, true
	case !known: // of a watch that has been removed
	case name == "" || slices.Contains(names, name):
		w.changed = true
		w.stale = w.stale || mask&unix.IN_CLOSE_WRITE == 0
	}
	if mask&unix.IN_IGNORED != 0 {
		delete(w.names, wd) // the kernel has removed it
	}
}

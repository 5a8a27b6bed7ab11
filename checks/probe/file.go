// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/vicar-ha/vicar/checks"
	"github.com/vicar-ha/vicar/track"
)

// fileLimit is how much of a file is read.
const fileLimit = 1 << 20

var (
	// errExists is a file that must not exist.
	errExists = errors.New("exists")
	// errMissing is a file that must exist.
	errMissing = errors.New("does not exist")
	// errNotRegular is a directory, a device or the like where content is wanted.
	errNotRegular = errors.New("is not a regular file")
)

// fileProbe looks at a file. A look at a file system whose server is gone lasts
// as long as the kernel waits, whatever becomes of its context: the Runner counts
// it as timed out, and leaves it at its end (checks.ErrStuck).
type fileProbe struct {
	path   string
	absent bool
	value  string
	expect *regexp.Regexp // or nil

	dynamic bool
	load    track.Load // the last look's, if dynamic
}

func newFile(k checks.File) (checks.Probe, error) {
	if !filepath.IsAbs(k.Path) {
		return nil, fmt.Errorf("path %q: want an absolute one", k.Path)
	}
	p := &fileProbe{path: k.Path, absent: k.Absent, value: strings.TrimSpace(k.Value), dynamic: k.Dynamic}
	if k.Expect != "" {
		var err error
		if p.expect, err = regexp.Compile(k.Expect); err != nil {
			return nil, fmt.Errorf("compiling the pattern of the content: %w", err)
		}
	}
	if p.absent && (p.value != "" || p.expect != nil || p.dynamic) {
		return nil, errors.New("a file that must not exist can't have content")
	}
	return p, nil
}

// Probe implements checks.Probe.
func (p *fileProbe) Probe(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return cause(ctx, err)
	}
	if err := p.look(); err != nil {
		return fmt.Errorf("file %s: %w", p.path, err)
	}
	return nil
}

func (p *fileProbe) look() error {
	info, err := os.Stat(p.path)
	switch missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR); {
	case missing && p.absent:
		return nil
	case missing:
		return errMissing
	case err != nil:
		return fmt.Errorf("looking for it: %w", bare(err))
	case p.absent:
		return errExists
	case p.value == "" && p.expect == nil && !p.dynamic:
		return nil
	case !info.Mode().IsRegular():
		return errNotRegular // to open a device may do something
	}
	content, err := p.read()
	if err != nil {
		return err
	}
	return p.judge(content)
}

// read reads the beginning of the file.
func (p *fileProbe) read() (string, error) {
	// If a FIFO has taken the file's place, to open it must not wait for a
	// writer.
	f, err := os.OpenFile(p.path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return "", errMissing
	}
	if err != nil {
		return "", fmt.Errorf("opening it: %w", bare(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("looking at it: %w", bare(err))
	}
	if !info.Mode().IsRegular() {
		return "", errNotRegular
	}
	var b strings.Builder
	if _, err := io.Copy(&b, io.LimitReader(f, fileLimit)); err != nil {
		return "", fmt.Errorf("reading it: %w", bare(err))
	}
	return b.String(), nil
}

func (p *fileProbe) judge(content string) error {
	if p.value != "" && strings.TrimSpace(content) != p.value {
		return fmt.Errorf("contains %s, want %s", excerpt(strings.TrimSpace(content)), excerpt(p.value))
	}
	if p.expect != nil && !p.expect.MatchString(content) {
		return fmt.Errorf("does not match /%s/ (begins with %s)", p.expect, excerpt(content))
	}
	if p.dynamic {
		var err error
		p.load, err = readLoad(content)
		return err
	}
	return nil
}

// Weight implements checks.Weigher.
func (p *fileProbe) Weight() *track.Load {
	if !p.dynamic {
		return nil
	}
	return new(p.load)
}

// bare is an error without the path or call, which is said elsewhere.
func bare(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*os.SyscallError](err); ok {
		err = e.Err
	}
	return err
}

// Close implements checks.Probe.
func (p *fileProbe) Close() error { return nil }

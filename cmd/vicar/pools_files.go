// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/vicar-ha/vicar/config"
)

// poolFiles are the files from which servers come.
type poolFiles struct {
	mu       sync.Mutex
	problems map[string]string // by file: why what it has now is not in force
}

// filesEvery is how often the files are looked at. That is cheap, and works on every
// file system.
const filesEvery = 500 * time.Millisecond

// stamp tells one content of a file from another.
type stamp struct {
	missing          bool
	inode            uint64
	size             int64
	modified, status time.Time
}

func stampOf(path string) stamp {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{missing: errors.Is(err, fs.ErrNotExist)}
	}
	s := stamp{size: info.Size(), modified: info.ModTime()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.inode = sys.Ino
		s.status = time.Unix(sys.Ctim.Unix())
	}
	return s
}

// watch has changed files read until ctx ends. One that is replaced is read at once,
// one that is written to when it has not changed for one look: its writer may be at
// it. One that goes away changes nothing: whoever means that empties it.
func (f *poolFiles) watch(ctx context.Context, current func() *config.Config, reread func(context.Context, []string) error) {
	seen := make(map[string]stamp)  // at the look before
	tried := make(map[string]stamp) // when it was read last
	tick := time.NewTicker(filesEvery)
	defer tick.Stop()
	for {
		if changed, ready := f.look(current().ServersFiles(), seen, tried); ready && len(changed) > 0 {
			stamps := make(map[string]stamp, len(changed))
			for _, path := range changed {
				stamps[path] = seen[path]
			}
			if reread(ctx, changed) == nil {
				maps.Copy(tried, stamps)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look tells which files have changed since they were tried, and whether they may be
// read now.
func (f *poolFiles) look(paths []string, seen, tried map[string]stamp) (changed []string, ready bool) {
	ready = true
	for _, path := range paths {
		now := stampOf(path)
		before, known := seen[path]
		was, read := tried[path]
		seen[path] = now
		switch {
		case read && now == was:
		case now.missing && read && !was.missing:
			f.refuse([]string{path}, path+" does not exist any more: its servers stay as they were")
			ready = false
		case known && now != before && now.inode == before.inode:
			changed, ready = append(changed, path), false
		default:
			changed = append(changed, path)
		}
	}
	return changed, ready
}

// refuse notes why what files have is not in force.
func (f *poolFiles) refuse(paths []string, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.problems == nil {
		f.problems = make(map[string]string)
	}
	for _, path := range paths {
		f.problems[path] = why
	}
}

// accept notes that what all files have is in force.
func (f *poolFiles) accept() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.problems)
}

// problem is why what a file has is not in force, or empty.
func (f *poolFiles) problem(path string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.problems[path]
}

// rereadServers puts what servers' files have now into force, or notes and logs why
// not. The error is that it has to be tried again.
func (s *service) rereadServers(ctx context.Context, changed []string) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	files := &s.pools.files
	cfg, err := s.current().Reread()
	if err != nil {
		s.refusedServers(changed, err)
		return nil
	}
	prepared, err := s.pools.prepare(cfg)
	if err != nil {
		s.refusedServers(changed, err)
		return nil
	}
	defer prepared.discard()
	if err := prepared.apply(ctx); err != nil {
		return err
	}
	s.cfg.Store(cfg)
	files.accept()
	return nil
}

// refusedServers notes and logs why changed files are not in force.
func (s *service) refusedServers(changed []string, err error) {
	files := &s.pools.files
	errs, ok := errors.AsType[config.Errors](err)
	if !ok {
		s.log.Error("the servers' files can't be used, nothing has changed", slog.Any("err", err))
		files.refuse(changed, err.Error())
		return
	}
	// All are read together: one that can't be used holds up the others.
	files.refuse(changed, "another servers_file can't be used: see the log")
	all := s.current().ServersFiles()
	for _, e := range errs {
		s.log.Error("the servers' files can't be used, nothing has changed", slog.Any("err", e))
	}
	for _, e := range slices.Backward(errs) { // of several of one file the first is shown
		at := changed
		if slices.Contains(all, e.File) {
			at = []string{e.File}
		}
		files.refuse(at, e.Error())
	}
}

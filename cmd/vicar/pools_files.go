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
	log *slog.Logger

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
		c := current()
		if changed := f.look(c.ServersFiles(), c.Serves, seen, tried); len(changed) > 0 {
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

// look tells which files have changed since they were tried, and may be read now.
// serves tells of which there are servers in force.
func (f *poolFiles) look(paths []string, serves func(string) bool, seen, tried map[string]stamp) (changed []string) {
	for _, path := range paths {
		now := stampOf(path)
		before, known := seen[path]
		was, read := tried[path]
		seen[path] = now
		switch {
		case now.missing && serves(path):
			f.gone(path)
			delete(tried, path) // what comes after it is new, even if it is the same
		case read && now == was:
		case known && now != before && now.inode == before.inode:
		default:
			changed = append(changed, path)
		}
	}
	return changed
}

// gone notes that a file with servers in force does not exist any more.
func (f *poolFiles) gone(path string) {
	if f.refuse(path, path+" does not exist any more: its servers stay as they were") {
		f.log.Warn("a servers' file does not exist any more, its servers stay as they were", slog.String("file", path))
	}
}

// refuse notes why what a file has is not in force, and tells whether that is new.
func (f *poolFiles) refuse(path, why string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.problems == nil {
		f.problems = make(map[string]string)
	}
	fresh := f.problems[path] != why
	f.problems[path] = why
	return fresh
}

// accept notes that what files have is in force; nil: what all have, but for some.
func (f *poolFiles) accept(paths, except []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, path := range slices.Sorted(maps.Keys(f.problems)) {
		if paths != nil && !slices.Contains(paths, path) || slices.Contains(except, path) {
			continue
		}
		delete(f.problems, path)
		f.log.Info("what a servers' file has is in force again", slog.String("file", path))
	}
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
	cfg, refused, err := s.current().Reread(changed)
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
	var bad []string
	for _, e := range slices.Backward(refused) { // of several of one file the first is shown
		s.pools.files.refuse(e.File, e.Error())
		bad = append(bad, e.File)
	}
	s.pools.files.accept(changed, bad)
	for _, e := range refused {
		s.log.Error("a servers' file can't be used, its servers stay as they were", slog.Any("err", e))
	}
	return nil
}

// refusedServers notes and logs why changed files are not in force, for no reason of
// one of them alone.
func (s *service) refusedServers(changed []string, err error) {
	s.log.Error("what the servers' files have now can't be used, nothing has changed", slog.Any("files", changed), slog.Any("err", err))
	for _, path := range changed {
		s.pools.files.refuse(path, err.Error())
	}
}

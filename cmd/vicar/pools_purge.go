// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/vicar-ha/vicar/pool"
)

// leftPool is a pool that an agent has left programmed.
type leftPool struct {
	Plane pool.PlaneKind `json:"plane"`
	Name  string         `json:"name"`
}

// leftPools are those of the journal in the runtime directory; none without one.
func leftPools(dir string) ([]leftPool, error) {
	if dir == "" {
		return nil, nil
	}
	text, err := os.ReadFile(poolJournal(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var journal struct {
		Services []leftPool `json:"services"`
	}
	if err == nil {
		err = json.Unmarshal(text, &journal)
	}
	if err != nil {
		return nil, fmt.Errorf("looking which pools are programmed: %w", err)
	}
	return journal.Services, nil
}

// purgePools removes from the kernel what the journal has, and tells what that was.
func purgePools(ctx context.Context, dir string, open map[pool.PlaneKind]func() (pool.Plane, error)) (done []string, err error) {
	left, err := leftPools(dir)
	if err != nil || len(left) == 0 {
		return nil, err
	}
	planes := make(map[pool.PlaneKind]pool.Plane)
	for kind, open := range open {
		p := &lazyPlane{open: open, log: slog.New(slog.DiscardHandler)}
		defer func() { err = errors.Join(err, p.Close()) }()
		planes[kind] = p
	}
	// One that has no services and ends at once removes those that there were.
	p, err := pool.New(pool.Config{Planes: planes, Journal: poolJournal(dir)})
	if err != nil {
		return nil, err
	}
	ended, end := context.WithCancel(ctx)
	end()
	if err := p.Run(ended); err != nil {
		return nil, fmt.Errorf("removing pools from the kernel: %w", err)
	}
	for _, l := range left {
		done = append(done, fmt.Sprintf("removed pool %s from %s", l.Name, l.Plane))
	}
	return done, nil
}

// poolsStay says which pools are in the kernel still, and how to take them away; empty
// if there are none. That it can't be told is no reason for release to fail.
func poolsStay(dir string) string {
	left, err := leftPools(dir)
	if err != nil || len(left) == 0 {
		return ""
	}
	names := make([]string, len(left))
	for i, l := range left {
		names[i] = l.Name
	}
	return fmt.Sprintf("What clients reach stays balanced, for the next agent: %s. On a host that is not to run vicar any more: vicar release --purge", firstNames(names))
}

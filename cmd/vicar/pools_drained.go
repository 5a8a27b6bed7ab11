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
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/control"
	"github.com/vicar-ha/vicar/pool"
)

// drainedServersFile in the state directory says which servers of pools are drained:
// over restarts, until vicar pool undrain.
const drainedServersFile = "drained-servers.json"

// drainedServers are the names of the drained servers, by service.
func drainedServers(stateDir string) (map[string][]string, error) {
	text, err := os.ReadFile(filepath.Join(stateDir, drainedServersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all map[string][]string
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("looking which servers are drained: %w", err)
	}
	return all, nil
}

// keepDrainedServers writes them down, whole or not at all.
func keepDrainedServers(stateDir string, all map[string][]string) error {
	path := filepath.Join(stateDir, drainedServersFile)
	var err error
	if len(all) == 0 {
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		err = replaceFile(path, all)
	}
	if err != nil {
		return fmt.Errorf("writing down which servers are drained: %w", err)
	}
	return nil
}

// drainedAway are the drained servers, by service, of servers' files that were not there at the
// start: a program may write them later, and then they are drained still.
type drainedAway struct {
	mu    sync.Mutex
	names map[string][]string
}

// note takes over what was drained before the start.
func (a *drainedAway) note(c *config.Config, drained map[string][]string) {
	a.names = make(map[string][]string)
	for i := range c.Pools {
		p := &c.Pools[i]
		if p.ServersFile == "" || c.Serves(p.ServersFile) {
			continue
		}
		for _, name := range drained[p.Name] {
			if !hasServer(p, name) {
				a.names[p.Name] = append(a.names[p.Name], name)
			}
		}
	}
}

func hasServer(p *config.Pool, name string) bool {
	return slices.ContainsFunc(p.Servers, func(s pool.Server) bool { return s.Name == name })
}

// with adds them to others.
func (a *drainedAway) with(all map[string][]string) map[string][]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for service, names := range a.names {
		all[service] = append(all[service], names...)
	}
	return all
}

// back are those that are there again. Those whose file is there without them are
// forgotten, as of any other.
func (a *drainedAway) back(c *config.Config) (found []control.PoolDrain) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range c.Pools {
		p := &c.Pools[i]
		a.names[p.Name] = slices.DeleteFunc(a.names[p.Name], func(name string) bool {
			there := hasServer(p, name)
			if there {
				found = append(found, control.PoolDrain{Service: p.Name, Server: name, Drain: true})
			}
			return there || p.ServersFile == "" || c.Serves(p.ServersFile)
		})
	}
	maps.DeleteFunc(a.names, func(service string, names []string) bool {
		return len(names) == 0 || !slices.ContainsFunc(c.Pools, func(p config.Pool) bool { return p.Name == service })
	})
	return found
}

// drainAgain drains the servers that are there again.
func (u *pools) drainAgain(ctx context.Context, c *config.Config) {
	for _, d := range u.away.back(c) {
		// It is decided at once. That the kernel takes its time holds up nobody.
		waiting, cancel := context.WithTimeoutCause(ctx, poolsRelease, errPlaneSilent)
		err := u.pool.Drain(waiting, d.Service, d.Server, true)
		cancel()
		u.world.log.Info("a server that was drained before is there again, and stays drained until vicar pool undrain",
			slog.String("pool", d.Service), slog.String("server", d.Server))
		if err != nil {
			u.world.log.Warn("it is not drained in the kernel yet", slog.String("pool", d.Service), slog.String("server", d.Server), slog.Any("err", err))
		}
	}
}

// replaceFile replaces a file by another with v as JSON, and makes its directory if need be.
func replaceFile(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

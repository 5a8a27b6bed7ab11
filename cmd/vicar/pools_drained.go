// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// drainedFile in the state directory says that the node is drained: over
// restarts, until vicar undrain.
const drainedFile = "drained"

func isDrained(stateDir string) (bool, error) {
	switch _, err := os.Stat(filepath.Join(stateDir, drainedFile)); {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	default:
		return false, fmt.Errorf("looking whether the node is drained: %w", err)
	}
}

// keepDrained writes down whether the node is drained.
func keepDrained(stateDir string, on bool) error {
	path := filepath.Join(stateDir, drainedFile)
	var err error
	if on {
		err = errors.Join(os.MkdirAll(stateDir, 0o750), os.WriteFile(path, []byte("vicar undrain ends this.\n"), 0o640))
	} else if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("writing down that the node is drained, or not any more: %w", err)
	}
	return nil
}

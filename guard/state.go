// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vicar-ha/vicar/quorum"
)

// stateFile is the file in Config.StateDir.
const stateFile = "voters.json"

// stateVersion is that of its format.
const stateVersion = 1

// stateMost bounds what is read.
const stateMost = 1 << 20

// state is what the file has: the only memory that a voter has across a start.
type state struct {
	Version int    `json:"version"`
	Node    string `json:"node"`
	quorum.Saved
}

var errState = errors.New("it is of another node, or of a newer version")

// parseState decodes the file of node. Unlike a message it has no sender whose
// word could be taken instead, so nothing of it may be unknown.
func parseState(b []byte, node string) (*quorum.Saved, error) {
	var s state
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("parsing %d bytes: %w", len(b), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parsing %d bytes: something follows after byte %d", len(b), d.InputOffset())
	}
	if s.Version != stateVersion || s.Node != node {
		return nil, fmt.Errorf("version %d of node %q: %w", s.Version, s.Node, errState)
	}
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &s.Saved, nil
}

func encodeState(saved quorum.Saved, node string) ([]byte, error) {
	b, err := json.MarshalIndent(state{stateVersion, node, saved}, "", "  ")
	return append(b, '\n'), err
}

// readState reads what is saved; nil if nothing is.
func readState(dir, node string) (*quorum.Saved, error) {
	if dir == "" {
		return nil, nil
	}
	name := filepath.Join(dir, stateFile)
	b, err := readAll(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the list of voters in force: %w", err)
	}
	saved, err := parseState(b, node)
	if err != nil {
		return nil, fmt.Errorf("%s can't be used: %w. It says which nodes vote on leases, and guessing that may give an address to two: "+
			"restore it, or remove it, and this node will vote when another node has told it the list", name, err)
	}
	return saved, nil
}

func readAll(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, stateMost))
}

// writeState replaces the file. Once it returns nil, the next start reads saved,
// even after a loss of power; otherwise that or what was there before.
func writeState(dir, node string, saved quorum.Saved) error {
	b, err := encodeState(saved, node)
	if err == nil {
		err = replace(dir, stateFile, b)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Join(dir, stateFile), err)
	}
	return nil
}

func replace(dir, name string, b []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+name+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

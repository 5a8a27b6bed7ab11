// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/transport/gossip"
)

const keyFileHead = `# Keys of vicar's peer link, the same on all nodes. Who has one of them is a
# member of the cluster. The first encrypts, any decrypts.
`

// newKeys is the text of a file with a new key.
func newKeys() string { return keyFileHead + gossip.GenerateKey() + "\n" }

// linkKeys reads the peer link's keys.
func linkKeys(l *config.PeerLink) ([][]byte, error) {
	if _, err := os.Lstat(l.KeysFile); l.KeysFrom != "" && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key file %s (peer_link.keys_file): fetch it with vicar keygen --fetch", l.KeysFile)
	}
	return loadKeys(l.KeysFile)
}

// loadKeys reads the keys that an agent runs with. A file that only a person can mend
// is an invalid configuration; one that isn't there may come yet.
func loadKeys(path string) ([][]byte, error) {
	keys, err := gossip.LoadKeys(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no key file %s (peer_link.keys_file): copy it from another node, or make one for all nodes with vicar keygen -o %s", path, path)
	case err != nil:
		err = fmt.Errorf("reading the peer link's keys: %w", err)
		if _, ok := errors.AsType[*fs.PathError](err); !ok || errors.Is(err, fs.ErrPermission) {
			err = invalid{err}
		}
		return nil, err
	}
	return keys, nil
}

// createKeys writes a file with a new key, which must not be there.
func createKeys(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s is there already and stays as it is: a new file would shut this node out of the cluster; --rotate %s changes its key", path, path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory for %s: make it (mkdir -p -m 0750 %s), or use -o", path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("writing the key file: %w", err)
	}
	_, err = f.WriteString(newKeys())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing the key file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// The names of gossip's steps on the command line.
var steps = map[gossip.Step]string{gossip.StepAdd: "add", gossip.StepPromote: "use", gossip.StepDrop: "drop"}

// rotateKeys does the next step with a file and returns which. It does nothing
// if only another is wanted.
func rotateKeys(path, only string) (gossip.Step, error) {
	path, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, fmt.Errorf("there is no key to change: %w; without --rotate a new file is made, and -o says where", err)
	case err != nil:
		return 0, fmt.Errorf("finding the key file: %w", err)
	}
	file, err := gossip.ReadKeyFile(path)
	if err != nil {
		return 0, err
	}
	next := file.Next()
	if only != "" && only != steps[next] {
		return 0, fmt.Errorf("the next step of %s is %q, not %q: nothing was changed", path, steps[next], only)
	}
	switch next {
	case gossip.StepAdd:
		file, err = file.AddKey(gossip.GenerateKey())
	case gossip.StepPromote:
		file, err = file.PromoteKey()
	case gossip.StepDrop:
		file, err = file.DropKey()
	}
	if err != nil {
		return 0, fmt.Errorf("key file %s: %w", path, err)
	}
	return next, file.Write(path)
}

// rotated says what was done with a file, and what is to be done now.
func rotated(path string, done gossip.Step) string {
	what, then := "", fmt.Sprintf("When every node has done so: vicar keygen --rotate %s\n", path)
	switch done {
	case gossip.StepAdd:
		what = "Step 1 of 3: a new key stands behind the old one, which stays in use."
	case gossip.StepPromote:
		what = "Step 2 of 3: the new key is in use, and the old one is still accepted."
	case gossip.StepDrop:
		what, then = "Step 3 of 3: the old key is gone.", "When every node has done so, the change is complete.\n"
	}
	return fmt.Sprintf("%s\nNow copy %s to all other nodes, and run vicar reload on every node, this one too.\n%s", what, path, then)
}

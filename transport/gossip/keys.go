// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/memberlist"
)

const (
	// keyBytes is what GenerateKey makes: AES-256.
	keyBytes = 32
	// maxKeys is more than any rotation needs. Each message of a stranger is
	// tried with every key.
	maxKeys = 8
	// maxKeyFile bounds what is read.
	maxKeyFile = 16 << 10
)

// ErrNoKeys says that there is no key to encrypt with.
var ErrNoKeys = errors.New("no key: the peer link is always encrypted")

// GenerateKey makes a key as a line of a key file.
func GenerateKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return base64.StdEncoding.EncodeToString(b)
}

// LoadKeys reads a key file: a key in base64 or hexadecimal per line, of 16, 24
// or 32 bytes, the one to encrypt with first. Empty lines and what follows # are
// skipped. A file that others than its owner and group may read, or its group
// write, is refused: who has a key is a member of the cluster.
func LoadKeys(path string) ([][]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the key file: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("examining the key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the key file %s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o027 != 0 {
		return nil, &ModeError{Path: path, Mode: mode}
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading the key file: %w", err)
	}
	if len(text) > maxKeyFile {
		return nil, fmt.Errorf("the key file %s is longer than %d bytes", path, maxKeyFile)
	}
	keys, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

// ModeError is a key file that too many can read or write.
type ModeError struct {
	Path string
	Mode os.FileMode
}

func (e *ModeError) Error() string {
	return fmt.Sprintf("the key file %s has mode %04o, so that others can read or change it: run chmod 0600 %s, and make a new key if others may have read it",
		e.Path, e.Mode, e.Path)
}

// parseKeys reads the lines of a key file. Errors name the line and never what
// it says.
func parseKeys(text string) ([][]byte, error) {
	var keys [][]byte
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		key, ok := parseKey(line)
		if !ok {
			return nil, fmt.Errorf("line %d is not a key of 16, 24 or 32 bytes in base64 or hexadecimal", n)
		}
		keys = append(keys, key)
	}
	if err := validKeys(keys); err != nil {
		return nil, err
	}
	return keys, nil
}

// parseKey reads one key. Hexadecimal goes first: 32 to 64 of its digits are
// valid base64 too, of 24, 36 and 48 bytes. 32 digits are 16 bytes.
func parseKey(s string) ([]byte, bool) {
	if key, err := hex.DecodeString(s); err == nil {
		return key, memberlist.ValidateKey(key) == nil
	}
	key, err := base64.StdEncoding.Strict().DecodeString(s)
	return key, err == nil && memberlist.ValidateKey(key) == nil
}

func validKeys(keys [][]byte) error {
	if len(keys) == 0 {
		return ErrNoKeys
	}
	if len(keys) > maxKeys {
		return fmt.Errorf("%d keys, of at most %d", len(keys), maxKeys)
	}
	for i, key := range keys {
		if err := memberlist.ValidateKey(key); err != nil {
			return fmt.Errorf("key %d of %d: %w", i+1, len(keys), err)
		}
		if slices.ContainsFunc(keys[:i], func(k []byte) bool { return bytes.Equal(k, key) }) {
			return fmt.Errorf("key %d of %d stands there twice", i+1, len(keys))
		}
	}
	return nil
}

// Rotate replaces the keys: messages are encrypted with the first, and accepted
// with any. A key is changed without an outage in three steps, each done on all
// nodes before the next: add the new key behind the old, move it to the front,
// take the old one away.
func (l *Link) Rotate(keys [][]byte) error {
	if err := validKeys(keys); err != nil {
		return err
	}
	ready, err := newCiphers(keys)
	if err != nil {
		return err
	}
	l.rotating.Lock()
	defer l.rotating.Unlock()
	l.ciphers.Store(&ready)
	for _, key := range keys {
		if err := l.ring.AddKey(bytes.Clone(key)); err != nil {
			return fmt.Errorf("installing a key: %w", err)
		}
	}
	if err := l.ring.UseKey(keys[0]); err != nil {
		return fmt.Errorf("using the first key: %w", err)
	}
	wanted := func(key []byte) bool {
		return slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
	}
	// RemoveKey moves what stands behind the key within the array that readers
	// of GetKeys still use. So keys are only ever taken from the end, down to
	// the first unwanted one, and the wanted ones among them put back.
	ring := slices.Clone(l.ring.GetKeys())
	first := slices.IndexFunc(ring, func(k []byte) bool { return !wanted(k) })
	if first < 0 {
		return nil
	}
	for _, key := range slices.Backward(ring[first:]) {
		if err := l.ring.RemoveKey(key); err != nil {
			return fmt.Errorf("removing a key: %w", err)
		}
	}
	for _, key := range ring[first:] {
		if !wanted(key) {
			continue
		}
		if err := l.ring.AddKey(key); err != nil {
			return fmt.Errorf("installing a key: %w", err)
		}
	}
	return nil
}

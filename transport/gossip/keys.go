// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/hashicorp/memberlist"
)

const (
	// keyBytes is what GenerateKey makes: AES-256.
	keyBytes = 32
	// maxKeys is more than any rotation needs. Each message of a stranger is
	// tried with every key.
	maxKeys = 8
)

// ErrNoKeys says that there is no key to encrypt with.
var ErrNoKeys = errors.New("no key: the peer link is always encrypted")

// Fingerprint is what a key may be called in public: keys are compared by it.
func Fingerprint(key []byte) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:4])
}

// GenerateKey makes a key as a line of a key file.
func GenerateKey() string {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails: it ends the program instead
	return base64.StdEncoding.EncodeToString(b)
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
	held := len(l.ring.GetKeys())
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
	if first >= 0 || len(ring) > held {
		l.bridge.forget() // who is refused now is so for another reason
	}
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

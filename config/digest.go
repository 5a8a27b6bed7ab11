// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Digest is a short hash of what the configuration means, with its defaults:
// the same for two files that differ in formatting, comments, the order of
// keys or in writing a default out. Two nodes with different digests have
// different configurations. Versions of vicar may differ in it.
func (c *Config) Digest() string {
	// Everything is sorted or in a meaningful order; a new field must be
	// omitted while it is zero.
	meaning := struct {
		Config
		Kinds []string      `json:",omitempty"`
		Pools []poolMeaning `json:",omitempty"`
	}{Config: *c}
	meaning.Warnings = nil
	for _, v := range c.Checks {
		meaning.Kinds = append(meaning.Kinds, v.kindName()) // a kind's fields don't tell it
	}
	for _, p := range c.Pools {
		meaning.Pools = append(meaning.Pools, p.meaning())
	}
	b, err := json.Marshal(meaning)
	if err != nil {
		panic("config: a Config is always JSON: " + err.Error())
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

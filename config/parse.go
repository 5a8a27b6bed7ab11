// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

// Parse reads and checks data; name is the file's in errors. The error is an
// Errors with everything that is wrong.
func Parse(name string, data []byte) (*Config, error) {
	return nil, Errors{{File: name, Message: "not implemented"}}
}

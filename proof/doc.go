// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package proof foretells who holds a router's addresses after each failure
// that a configuration can meet, and finds the failures that don't move them.
package proof

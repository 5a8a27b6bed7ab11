// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package vicar runs vicar's own binary on hosts of a lab.
package vicar

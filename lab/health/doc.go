// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package health has the stories of services that fail: vicar's binary on a
// lab's hosts, real services beside it, and who holds the address.
package health

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package pool has the stories of real servers behind an address: vicar's binary
// on directors of a site, clients that connect through them, and who served them. Its
// tests run over nftables on the host's kernel and, by TestKernel, the same over IPVS in
// user-mode-linux.
package pool

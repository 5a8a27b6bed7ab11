// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package interop has tests only: vicar and keepalived share a virtual router,
// each in each role, over every transport that both have. tshark judges their
// packets. keepalived also plays against itself, which proves the tests.
package interop

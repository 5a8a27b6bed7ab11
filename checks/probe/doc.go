// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package probe looks at things: hosts, ports, servers of many protocols,
// programs, processes, files and interfaces. It makes the checks.Probe of each
// checks.Kind.
package probe

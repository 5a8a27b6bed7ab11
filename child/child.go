// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package child runs programs for the agent: without its real-time policy and
// capabilities, each in a process group of its own that ends with the program
// or the time limit, whatever it writes and whatever it ignores.
package child

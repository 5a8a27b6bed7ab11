// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package keepalived runs keepalived on hosts of a lab, as a partner in
// interoperation tests and as a rival in benchmarks. It is run as it comes:
// its defaults stand unless a Config says otherwise.
package keepalived

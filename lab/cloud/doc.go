// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package cloud has scenarios of addresses that move in a cloud: real agents on
// hosts of a lab, the real SDK, and an imitated region that says where packets go
// (lab/vpc).
package cloud

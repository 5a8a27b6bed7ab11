// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package hook tells programs and webhooks what happens to routers: in order,
// one at a time per router, each within its time limit, and never so that an
// advert waits.
package hook

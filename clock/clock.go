// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package clock is time as an agent needs it: a clock that goes on while the
// machine sleeps, since the others' clocks do, and an alarm on it that is
// punctual to some microseconds. The runtime's own timers sleep in whole
// milliseconds (epoll_wait), which an interval of 10 ms would feel.
//
// Elsewhere than on Linux both are the runtime's.
package clock

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package cloudtest has the tests that every Provider of package cloud passes,
// and a cloud in memory.
//
// A World is a cloud with two nodes and all that can go wrong with it. Run goes
// through what package cloud promises in one; RunBubble does so in bubbles of
// testing/synctest, for worlds without sockets and processes, where an outage of
// an hour takes no time.
//
// Cloud is a cloud in memory: an object has one holder, requests take time, what
// is shown lags behind, requests and answers are lost, writes come late. It has no
// goroutines and fits into bubbles, and into simulations with a seed.
package cloudtest

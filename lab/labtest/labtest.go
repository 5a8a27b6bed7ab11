// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package labtest is the lab in tests: what fails ends the test, and what was
// made ends with it.
package labtest

import (
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/vicar-ha/vicar/lab"
)

// poll is how often Eventually looks.
const poll = 5 * time.Millisecond

// New is a lab that is closed at the end of the test. Without the rights to
// make one the test is skipped.
func New(t testing.TB) *lab.Lab {
	t.Helper()
	if err := lab.Permitted(); err != nil {
		t.Skipf("needs root or a user namespace: %v", err)
	}
	l, err := lab.New()
	if err != nil {
		t.Fatalf("making a lab: %v", err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("closing the lab: %v", err)
		}
	})
	return l
}

// Host adds a host with addresses like "192.0.2.1/24".
func Host(t testing.TB, l *lab.Lab, name string, addrs ...string) *lab.Host {
	t.Helper()
	var prefixes []netip.Prefix
	for _, a := range addrs {
		prefixes = append(prefixes, netip.MustParsePrefix(a))
	}
	h, err := l.Host(name, prefixes...)
	if err != nil {
		t.Fatalf("making host %s: %v", name, err)
	}
	return h
}

// Start starts a command on a host.
func Start(t testing.TB, h *lab.Host, name string, args ...string) *lab.Process {
	t.Helper()
	p, err := h.Start(h.Command(name, args...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// OK fails the test if err is not nil.
func OK(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Need skips the test if a program that it runs is not installed.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s: %v", p, err)
		}
	}
}

// Eventually waits until ok answers true and fails the test if that takes
// longer than within.
func Eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(within)
	defer end.Stop()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("waited %v in vain: %s", within, what)
		}
	}
}

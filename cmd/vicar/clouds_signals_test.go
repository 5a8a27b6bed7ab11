// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws"
)

// TestSignals: a node stays away from minutes before its announced end on, and not
// for weeks before it, nor for ever after one that did not come.
func TestSignals(t *testing.T) {
	for _, test := range []struct {
		name string
		in   time.Duration
		ends bool
	}{
		{"spot interruption", 2 * time.Minute, true},
		{"now", 0, true},
		{"retirement in two weeks", 14 * 24 * time.Hour, false},
		{"under way", -10 * time.Minute, true},
		{"long over", -72 * time.Hour, false},
	} {
		s := signals{stand: []aws.Signal{{Kind: aws.Maintenance, Action: "system-reboot", At: time.Now().Add(test.in)}}}
		if err := s.Probe(t.Context()); (err != nil) != test.ends {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

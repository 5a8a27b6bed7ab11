// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/vicar-ha/vicar/cloud/aws"
	"github.com/vicar-ha/vicar/config"
	"github.com/vicar-ha/vicar/track"
)

// TestSignals: a node yields from minutes before its announced end on, and not
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

// TestSignalsYield: the announced end of a machine costs all of its priority, and never
// its part in the election: if nobody else can hold the addresses it does. It is before
// no node that is well, and not behind one that could not take over.
func TestSignalsYield(t *testing.T) {
	c := cloudConfig(t)
	r := c.Routers[0]
	stands := func(failing string) track.Sum {
		return track.Add(r.Priority["lb-1"], cloudTracks(c, r), func(t track.Track) track.State {
			if t.Check == failing {
				return track.Failing
			}
			return track.Passing
		})
	}
	ends, unready := stands(config.CheckSignals), stands(readinessCheck(r.Name))
	if len(ends.Yielding) != 1 || len(ends.Blocked) > 0 || ends.Priority != track.MinPriority {
		t.Errorf("a machine that ends: %+v", ends)
	}
	if len(unready.Yielding)+len(unready.Blocked) > 0 || unready.Priority > ends.Priority {
		t.Errorf("one that could not take over: %+v", unready)
	}
	if well := stands(""); len(well.Yielding) > 0 || int(well.Priority) != well.Base {
		t.Errorf("one that is well: %+v", well)
	}
}

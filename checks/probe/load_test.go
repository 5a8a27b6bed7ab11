// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"strings"
	"testing"

	"github.com/vicar-ha/vicar/track"
)

// loads are answers, and what they say; none is an error.
var loads = map[string]*track.Load{
	"12":                      {Value: 12},
	"12\nsecond line":         {Value: 12},
	" 75% \r\n":               {Value: 75, Percent: true},
	"0":                       {},
	"0%":                      {Percent: true},
	"65535":                   {Value: 65535},
	"1000%":                   {Value: 1000, Percent: true},
	"up":                      &full,
	"READY":                   &full,
	"up 50%":                  {Value: 50, Percent: true},
	"ready,20%":               {Value: 20, Percent: true},
	"drain":                   {},
	"20% drain":               {},
	"down":                    nil,
	"up down":                 nil,
	"maint":                   nil,
	"stopped #reason":         nil,
	"fail":                    nil,
	"":                        nil,
	"\n12":                    nil,
	"-1":                      nil,
	"+1":                      nil,
	"1.5":                     nil,
	"65536":                   nil,
	"1001%":                   nil,
	"12 %":                    nil,
	"99999999999999999999":    nil,
	"<html>":                  nil,
	strings.Repeat("1 ", 100): {Value: 1},
	strings.Repeat("1 ", 500): nil,
}

func TestReadLoad(t *testing.T) {
	for answer, want := range loads {
		got, err := readLoad(answer)
		switch {
		case want == nil && err == nil:
			t.Errorf("%q is %+v", answer, got)
		case want != nil && (err != nil || got != *want):
			t.Errorf("%q is %+v, %v, want %+v", answer, got, err, *want)
		}
	}
}

// FuzzReadLoad: a weight is within its bounds, and an error fits a line.
func FuzzReadLoad(f *testing.F) {
	for answer := range loads {
		f.Add([]byte(answer))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		got, err := readLoad(answer)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b") || got != (track.Load{}) {
				t.Errorf("%q is %+v: %q", answer, got, err)
			}
			return
		}
		if got.Value < 0 || got.Value > maxLoad || got.Percent && got.Value > maxLoadPercent {
			t.Errorf("%q is %+v", answer, got)
		}
	})
}

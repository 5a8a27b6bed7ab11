// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package aws

import (
	"slices"
	"testing"
	"time"
)

func TestSignals(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 2, 3, 0, time.UTC)
	event := func(state, description string) string {
		return `[{"Code": "system-reboot", "NotBefore": "23 Nov 2026 14:02:03 GMT", "NotAfter": "23 Nov 2026 16:02:03 GMT", "EventId": "instance-event-1",
			"State": "` + state + `", "Description": "` + description + `"}]`
	}
	for _, c := range []struct {
		name, action, events string
		want                 []Signal
		broken               bool
	}{
		{"nothing", "", "[]", nil, false},
		{"nothing is there", "", "", nil, false},
		{"interruption", `{"action": "terminate", "time": "2026-11-23T14:02:03Z"}`, "", []Signal{{Interruption, "terminate", at}}, false},
		{"maintenance", "", event("active", "scheduled reboot"), []Signal{{Maintenance, "system-reboot", at}}, false},
		{"over", "", event("completed", "[Completed] scheduled reboot"), nil, false},
		{"called off", "", event("canceled", "[Canceled] scheduled reboot"), nil, false},
		{"both", `{"action": "stop", "time": "2026-11-23T14:02:03Z"}`, event("active", ""), []Signal{{Interruption, "stop", at}, {Maintenance, "system-reboot", at}}, false},
		{"not an object", "terminate", "", nil, true},
		{"not a list", "", "{}", nil, true},
		{"no time", "", `[{"Code": "system-reboot", "NotBefore": "soon", "State": "active"}]`, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseAction([]byte(c.action))
			if err == nil {
				var more []Signal
				more, err = parseEvents([]byte(c.events))
				got = append(got, more...)
			}
			if !slices.Equal(got, c.want) && !c.broken || (err != nil) != c.broken {
				t.Errorf("signals are %v, %v", got, err)
			}
		})
	}
}

func FuzzSignals(f *testing.F) {
	f.Add([]byte(`{"action": "terminate", "time": "2026-11-23T14:02:03Z"}`))
	f.Add([]byte(`[{"Code": "system-reboot", "NotBefore": "23 Nov 2026 14:02:03 GMT", "State": "active"}]`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`[{"NotBefore": "soon"}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		action, err := parseAction(text)
		if err != nil && action != nil {
			t.Errorf("%v with %v", action, err)
		}
		events, err := parseEvents(text)
		if err != nil && events != nil {
			t.Errorf("%v with %v", events, err)
		}
		for _, s := range append(action, events...) {
			if s.At.Location() != time.UTC {
				t.Errorf("%v is not in UTC", s)
			}
		}
	})
}

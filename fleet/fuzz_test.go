// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/vicar-ha/vicar/vip"
)

// FuzzParseMessage wants every message that is parsed to be the same after it
// was encoded and parsed again.
func FuzzParseMessage(f *testing.F) {
	for _, m := range messages() {
		f.Add(messageBytes(f, m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMessage(data)
		if err != nil {
			if m != (vip.PeerMessage{}) {
				t.Fatalf("an error and %+v", m)
			}
			return
		}
		if again, err := parseMessage(messageBytes(t, m)); err != nil || again != m {
			t.Fatalf("%+v (%v), was %+v", again, err, m)
		}
	})
}

// FuzzParseState wants the same of states.
func FuzzParseState(f *testing.F) {
	for _, d := range documents() {
		f.Add(stateBytes(f, d))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := parseDocument(data)
		if err != nil {
			if !reflect.DeepEqual(d, document{}) {
				t.Fatalf("an error and %+v", d)
			}
			return
		}
		b, left := d.encode()
		if left > 0 {
			return // of what may be as long as it may, room is kept
		}
		again, err := parseDocument(b)
		if err != nil || again.told != d.told || !bytes.Equal(again.report, d.report) || !sameState(again.state, d.state) {
			t.Fatalf("%+v (%v), was %+v", again, err, d)
		}
	})
}

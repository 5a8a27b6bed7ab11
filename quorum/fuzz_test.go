// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"reflect"
	"testing"
)

// FuzzParse wants every packet that is parsed to be the same after it was
// encoded and parsed again, and a voter to take whatever it says.
func FuzzParse(f *testing.F) {
	for _, p := range golden() {
		b, err := p.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil {
			if !reflect.DeepEqual(p, Packet{}) {
				t.Fatalf("an error and %+v", p)
			}
			return
		}
		b, err := p.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := Parse(b); err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("%+v (%v), was %+v", again, err, p)
		}
		if len(b) > len(data) {
			t.Fatalf("%x is longer than %x", b, data)
		}
		for i := range p.Messages {
			hear(t, p.From, &p.Messages[i])
		}
	})
}

// hear gives a message to a voter and to a candidate that might have asked for
// it.
func hear(t *testing.T, from string, m *Message) {
	lists := Lists{Current: List{[]string{"a", "b", "c"}, longest}}
	m.Lists[0] = lists.Current.Digest()
	m.Resource, m.Digest = web.Name, web.Digest()
	r := newRoom(t)
	if answer, ok := r.voters["a"].Handle(r.now, from, *m); ok {
		if _, err := (Packet{Messages: []Message{answer}}).Append(nil); err != nil {
			t.Fatalf("%+v can't be sent: %v", answer, err)
		}
	}
	r.lost = mute("a")
	r.step("a", Acquire{})
	m.Ballot, m.Sequence = r.ballot("a"), 1
	r.step("a", Received{"b", *m})
	r.until("a", r.now.Add(longest))
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// update writes the golden files. A change of them is a change of the format,
// which nodes of the version before must understand.
var update = flag.Bool("update", false, "write the golden files")

// golden are packets by the file that holds their bytes.
func golden() map[string]Packet {
	d := func(b byte) Digest { return Digest(bytes.Repeat([]byte{b}, 8)) }
	base := Message{
		Resource: "web", Digest: d(0xd1), Ballot: Ballot{258, "alpha", 0x1122334455667788}, Sequence: 3,
		Lists: [2]Digest{d(0xc1), d(0xc2)},
	}
	of := func(kind Kind, change func(*Message)) Message {
		m := base
		m.Kind = kind
		if change != nil {
			change(&m)
		}
		return m
	}
	prepare := of(Prepare, func(m *Message) { m.Release = Ballot{257, "beta", 9} })
	promise := of(Promise, func(m *Message) { m.Promised = m.Ballot })
	refusal := of(Promise, func(m *Message) {
		m.Refusal, m.Promised, m.Holder, m.Remaining = Held, Ballot{300, "gamma", 8}, Ballot{299, "gamma", 8}, 2500*time.Millisecond
		m.Lists[1] = Digest{}
	})
	propose := of(Propose, func(m *Message) { m.Lease = 3 * time.Second })
	accepted := of(Accepted, func(m *Message) { m.Promised = m.Ballot })
	release := of(Release, nil)
	packet := func(messages ...Message) Packet { return Packet{"alpha", 0x1122334455667788, messages} }
	return map[string]Packet{
		"empty": packet(), "prepare": packet(prepare), "promise": packet(promise), "refusal": packet(refusal),
		"propose": packet(propose), "accepted": packet(accepted), "release": packet(release),
		"all": packet(prepare, promise, refusal, propose, accepted, release),
	}
}

func TestGolden(t *testing.T) {
	for name, p := range golden() {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", "v1-"+name+".bin")
			b := encode(t, p)
			if *update {
				if err := os.WriteFile(file, b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b, want) {
				t.Errorf("encoded\n%x, want\n%x", b, want)
			}
			if got, err := Parse(want); err != nil || !reflect.DeepEqual(got, p) {
				t.Errorf("parsed %+v (%v), want\n%+v", got, err, p)
			}
			for n := range want {
				if got, err := Parse(want[:n]); err == nil {
					t.Fatalf("%d of %d bytes are parsed: %+v", n, len(want), got)
				}
			}
			if _, err := Parse(append(want, 0)); !errors.Is(err, ErrLength) {
				t.Errorf("a byte more: %v", err)
			}
		})
	}
}

func encode(t *testing.T, p Packet) []byte {
	t.Helper()
	b, err := p.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newer is a packet as a later version may send it: more in the header, more in
// each message and bits for it, a message of another kind, something after them.
func newer(t *testing.T, p Packet) []byte {
	t.Helper()
	old := encode(t, p)
	size := headerSize + len(p.From)
	b := slices.Concat([]byte{WireVersion + 1, 0, byte(size + 3), 0, byte(len(p.Messages) + 1)}, old[5:size], []byte{7, 7, 7})
	b = append(b, 4, 99, 1, 2, 3)
	for rest := old[size:]; len(rest) > 0; {
		n := 1 + int(rest[0])
		one := slices.Concat([]byte{rest[0] + 3}, rest[1:2], []byte{rest[2] | 0x80, 0x40}, rest[3:n], []byte{8, 8})
		b, rest = append(b, one...), rest[n:]
	}
	return append(b, 9)
}

func TestNewerVersion(t *testing.T) {
	for name, p := range golden() {
		if got, err := Parse(newer(t, p)); err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: parsed %+v (%v), want\n%+v", name, got, err, p)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	p := golden()["propose"]
	at := headerSize + len(p.From) // of the first message
	for _, test := range []struct {
		name   string
		change func(b []byte)
		want   error
	}{
		{"version 0", func(b []byte) { b[0] = 0 }, ErrVersion},
		{"a short header", func(b []byte) { b[2] = headerSize - 1 }, ErrLength},
		{"a long header", func(b []byte) { b[2]++ }, ErrLength},
		{"a header beyond the end", func(b []byte) { b[1] = 255 }, ErrLength},
		{"more messages", func(b []byte) { b[4]++ }, ErrLength},
		{"fewer messages", func(b []byte) { b[4]-- }, ErrLength},
		{"a long message", func(b []byte) { b[at]++ }, ErrLength},
		{"a short message", func(b []byte) { b[at]-- }, ErrLength},
		{"kind 0", func(b []byte) { b[at+1] = 0 }, ErrValue},
		{"another kind", func(b []byte) { b[at+1] = 6 }, ErrValue},
		{"fields of a newer version", func(b []byte) { b[at+2] |= hasUnknown }, ErrValue},
		{"a long name", func(b []byte) { b[at+3] = 255 }, ErrLength},
		{"a life that was not said", func(b []byte) { b[at+18] = 2 }, ErrValue},
		{"lists that were not said", func(b []byte) { b[at+19] = 1 }, ErrLength},
		{"a lease that was not said", func(b []byte) { b[at+36] = 1 }, ErrLength},
		{"a negative lease", func(b []byte) { copy(b[at+37:], "\xff\xff\xff\xff\xff") }, ErrLength},
	} {
		b := encode(t, p)
		test.change(b)
		if got, err := Parse(b); !errors.Is(err, test.want) || !reflect.DeepEqual(got, Packet{}) {
			t.Errorf("%s: %v, %+v", test.name, err, got)
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	long := strings.Repeat("x", maxName+1)
	for name, p := range map[string]Packet{
		"sender":   {From: long},
		"resource": {Messages: []Message{{Kind: Prepare, Resource: long}}},
		"holder":   {Messages: []Message{{Kind: Promise, Holder: Ballot{Node: long}}}},
		"kind":     {Messages: []Message{{}}},
		"lease":    {Messages: []Message{{Kind: Propose, Lease: -1}}},
		"messages": {Messages: make([]Message, MaxMessages+1)},
	} {
		if b, err := p.Append([]byte("kept")); err == nil || string(b) != "kept" {
			t.Errorf("%s: %v, %q", name, err, b)
		}
	}
	if b := encode(t, Packet{From: long[1:]}); len(b) != headerSize+maxName {
		t.Errorf("%d bytes", len(b))
	}
}

func TestPack(t *testing.T) {
	messages := slices.Repeat(golden()["all"].Messages, 20)
	for _, limit := range []int{0, 300, 1400, 1 << 20} {
		packets, err := Pack("alpha", 5, messages, limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []Message
		for _, b := range packets {
			p, err := Parse(b)
			if err != nil || p.From != "alpha" || p.Start != 5 {
				t.Fatalf("%+v: %v", p, err)
			}
			if len(b) > limit && len(p.Messages) != 1 {
				t.Errorf("%d bytes with a limit of %d", len(b), limit)
			}
			got = append(got, p.Messages...)
		}
		if !reflect.DeepEqual(got, messages) {
			t.Errorf("limit %d: other messages", limit)
		}
	}
}

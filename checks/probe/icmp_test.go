// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bytes"
	"testing"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// replyTo is the right reply to e.
func replyTo(t testing.TB, e *echo) []byte {
	t.Helper()
	m := icmp.Message{Type: ipv4.ICMPTypeEchoReply, Body: &icmp.Echo{ID: e.id, Seq: e.seq, Data: e.data}}
	if e.v6 {
		m.Type = ipv6.ICMPTypeEchoReply
	}
	b, err := m.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEcho(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		e := newEcho(v6, 16)
		good := replyTo(t, e)
		if !e.answers(good) {
			t.Errorf("IPv6 %v: the reply is not taken", v6)
		}
		if other := replyTo(t, newEcho(!v6, 16)); e.answers(other) {
			t.Errorf("IPv6 %v: a reply of the other family is taken", v6)
		}
		request, err := e.request()
		if err != nil {
			t.Fatal(err)
		}
		if e.answers(request) {
			t.Errorf("IPv6 %v: the request is taken for the reply", v6)
		}
		if !e.caused(request[:8]) {
			t.Errorf("IPv6 %v: the request is not known from its first 8 bytes", v6)
		}
		if e.caused(request[:7]) || e.caused(good) {
			t.Errorf("IPv6 %v: something else is taken for the request", v6)
		}
		for i := range good {
			if i == 2 || i == 3 { // the checksum is the kernel's
				continue
			}
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			if e.answers(bad) {
				t.Errorf("IPv6 %v: a reply with byte %d changed is taken", v6, i)
			}
		}
	}
	if a, b := newEcho(false, 16), newEcho(false, 16); a.id == b.id && a.seq == b.seq || bytes.Equal(a.data, b.data) {
		t.Errorf("two requests are alike: %+v, %+v", a, b)
	}
}

// FuzzICMPReply: no packet panics, and only the reply is taken for it.
func FuzzICMPReply(f *testing.F) {
	e4 := &echo{id: 0x1234, seq: 7, data: []byte("vicar")}
	e6 := &echo{v6: true, id: 0x1234, seq: 7, data: []byte("vicar")}
	header := append([]byte{0x45}, make([]byte, 19)...)
	options := append([]byte{0x46}, make([]byte, 23)...)
	for _, e := range []*echo{e4, e6} {
		b := replyTo(f, e)
		f.Add(b)
		f.Add(append(bytes.Clone(header), b...))
		f.Add(append(bytes.Clone(options), b...))
		f.Add(b[:7])
	}
	f.Add([]byte{0x4f})
	f.Fuzz(func(t *testing.T, b []byte) {
		carried := withoutHeader(b)
		if len(carried) > max(0, len(b)-20) {
			t.Errorf("%x carries more than is there: %x", b, carried)
		}
		for _, c := range []struct {
			e *echo
			b []byte
		}{{e4, b}, {e4, carried}, {e6, b}} {
			right := bytes.Clone(c.b)
			if len(right) >= 4 {
				sum := replyTo(t, c.e)
				copy(right[2:4], sum[2:4])
			}
			if got, want := c.e.answers(c.b), bytes.Equal(right, replyTo(t, c.e)); got != want {
				t.Errorf("%x is the reply: %v, want %v", c.b, got, want)
			}
			c.e.caused(c.b)
		}
	})
}

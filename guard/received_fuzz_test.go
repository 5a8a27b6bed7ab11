// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/quorum"
)

// FuzzReceived has packets and reports come, of voters and of others, each with a
// byte that says whose and two of length before it, while a lease is held. The
// guard goes on: it answers, and the holder gives up in order.
func FuzzReceived(f *testing.F) {
	add := func(b []byte, whose byte, packet []byte) []byte {
		return append(binary.BigEndian.AppendUint16(append(b, whose), uint16(len(packet))), packet...)
	}
	r := web()
	digest := r.quorum().Digest()
	theirs := quorum.Ballot{Counter: 1 << 40, Node: "b", Start: 9}
	var all []byte
	for _, m := range []quorum.Message{
		{Kind: quorum.Prepare, Resource: "router web", Digest: digest, Ballot: theirs},
		{Kind: quorum.Propose, Resource: "router web", Digest: digest, Ballot: theirs, Sequence: 1, Lease: 300 * ms},
		{Kind: quorum.Accepted, Resource: "router web", Digest: digest, Ballot: theirs, Sequence: 1, Refusal: quorum.Held, Holder: theirs, Remaining: time.Second},
		{Kind: quorum.Release, Resource: "router web", Digest: digest, Ballot: theirs},
	} {
		b, err := quorum.Packet{From: "b", Start: 9, Messages: []quorum.Message{m}}.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(add(nil, 0, b))
		all = add(all, 0, b)
	}
	f.Add(all)
	f.Add(add(add(nil, 3, []byte(`{"generation":1,"ready":true}`)), 2, []byte("what is this?")))
	f.Fuzz(func(t *testing.T, b []byte) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, abc...)
			w.quiet, w.allow = true, true // who has a key may vote twice
			defer w.stop()
			w.start()
			a := w.nodes["a"]
			a.guard.Claim("router web", "")
			w.pass(50 * ms)
			for len(b) >= 3 {
				whose, size := b[0], min(int(binary.BigEndian.Uint16(b[1:])), len(b)-3)
				packet := b[3 : 3+size]
				b = b[3+size:]
				switch from := []string{"b", "c", "x"}[int(whose)%3]; {
				case whose&3 == 3:
					a.guard.Heard(from, packet)
				default:
					a.guard.Received(from, packet)
				}
			}
			w.pass(50 * ms)
			if got := a.status(); len(got.Voters) == 0 {
				t.Errorf("it says %+v", got)
			}
			a.guard.Shut("router web")
			a.guard.GiveUp("router web")
			w.pass(10 * ms)
			if a.guard.Lease("router web").Held {
				t.Error("it holds what it has given up")
			}
		})
	})
}

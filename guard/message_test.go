// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/vip"
)

// packet is one from a node, with a message.
func packet(t *testing.T, from string, start uint64, m quorum.Message) []byte {
	t.Helper()
	b, err := quorum.Packet{From: from, Start: start, Messages: []quorum.Message{m}}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDropped(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a := w.nodes["a"]
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		own, err := parseToken(a.wants(vip.Granted, "").Token)
		if err != nil {
			t.Fatal(err)
		}
		before := a.status().Dropped
		release := quorum.Message{Kind: quorum.Release, Resource: "router web", Digest: a.cfg.Resources[0].quorum().Digest(), Ballot: own}
		drift := release
		drift.Kind, drift.Ballot, drift.Lists = quorum.Prepare, quorum.Ballot{Counter: 9, Node: "b", Start: 1}, [2]quorum.Digest{{1}}
		newer := packet(t, "b", 1, drift)
		newer[0] = 0
		for _, p := range []struct {
			from string
			data []byte
		}{
			{"b", []byte("what is this, and is it long enough to be a header?")},
			{"b", nil},
			{"b", newer},
			{"c", packet(t, "b", 1, release)}, // it says b, and comes from c
			{"a", packet(t, "a", own.Start, release)}, // a doesn't talk to itself over the link
			{"x", packet(t, "x", 1, release)},
			{"b", packet(t, "b", 1, release)}, // gives up what a holds
			{"b", packet(t, "b", 1, drift)},
			{"b", packet(t, "b", 2, drift)}, // two nodes with one name
		} {
			a.guard.Received(p.from, p.data)
		}
		a.guard.Heard("b", []byte(`{"generation":1}`))
		a.guard.Heard("b", []byte(`no`))
		w.pass(ms)
		got := a.status().Dropped
		want := map[string]uint64{
			dropMalformed: 1, dropVersion: 2, dropSender: 2, dropVoter: 1, dropForeign: 2, dropDrift: 1, dropReport: 2,
		}
		for reason, n := range before {
			want[reason] += n
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		w.pass(time.Second)
		a.wants(vip.Granted, "") // whatever was said
	})
}

// Who floods a loop that hangs fills no memory.
func TestQueueBounded(t *testing.T) {
	q := newQueue()
	for range maxPackets + 7 {
		q.packet("b", []byte("x"))
	}
	q.put(shut{"router web"})
	items := q.take(nil)
	if len(items) != maxPackets+1 || q.overflowed() != 7 {
		t.Errorf("%d items, %d did not fit", len(items), q.overflowed())
	}
	if _, ok := items[maxPackets].(shut); !ok {
		t.Errorf("the last is %T", items[maxPackets])
	}
	q.packet("b", []byte("x"))
	if n := len(q.take(items)); n != 1 {
		t.Errorf("%d items after the queue was emptied", n)
	}
}

// Once GiveUp has returned, nothing is told of what was claimed before.
func TestVerdictsEndWithGiveUp(t *testing.T) {
	var tell teller
	old := vip.Verdict{Resource: "r", Kind: vip.Granted, Term: 1}
	tell.verdict(old, 0) // before anybody watches
	tell.verdict(vip.Verdict{Resource: "s", Kind: vip.Granted}, 0)
	claim := tell.forget("r")
	tell.verdict(old, 0)
	var got []vip.Verdict
	tell.watch(func(v vip.Verdict) { got = append(got, v) })
	tell.verdict(old, 0)
	next := vip.Verdict{Resource: "r", Kind: vip.Refused}
	tell.verdict(next, claim)
	if diff := cmp.Diff([]vip.Verdict{{Resource: "s", Kind: vip.Granted}, next}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReleases(t *testing.T) {
	bubble(t, abc, func(t *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		if len(a.guard.Releases("router web")) > 0 {
			t.Error("there are Releases of nothing")
		}
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		releases := a.guard.Releases("router web")
		a.stop() // it dies, and somebody else sends them
		a.w.mu.Lock()
		clear(a.fence)
		a.w.mu.Unlock()
		if len(releases) != 2 {
			t.Fatalf("%d packets", len(releases))
		}
		for to, p := range releases {
			w.nodes[to].guard.Received("a", p)
		}
		b.guard.Claim("router web", "")
		w.pass(10 * ms)
		b.wants(vip.Granted, "")
	})
}

// What is queued when the end comes still happens.
func TestEndReleases(t *testing.T) {
	bubble(t, abc, func(_ *testing.T, w *world) {
		w.start()
		a, b := w.nodes["a"], w.nodes["b"]
		a.guard.Claim("router web", "")
		w.pass(50 * ms)
		a.guard.Shut("router web")
		a.guard.GiveUp("router web")
		a.stop()
		w.pass(5 * ms)
		b.guard.Claim("router web", "")
		w.pass(10 * ms)
		b.wants(vip.Granted, "")
	})
}

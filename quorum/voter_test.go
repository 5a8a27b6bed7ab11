// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"net/netip"
	"testing"
	"time"
)

const (
	ms      = time.Millisecond
	longest = 10 * time.Second
	leaseT  = 3 * time.Second
)

// boot is when the voters of the tests start, and ready when they answer.
var (
	boot  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ready = boot.Add(longest)

	web  = Resource{"web", []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}}
	mail = Resource{"mail", []netip.Addr{netip.MustParseAddr("192.0.2.2")}}
	abc  = Lists{Current: List{[]string{"a", "b", "c"}, longest}}
)

// ballot is of a's, b's or c's first life.
func ballot(counter uint64, node string) Ballot { return Ballot{counter, node, uint64(node[0])} }

func newVoter(t *testing.T, node string, lists Lists, resources ...Resource) *Voter {
	t.Helper()
	v, err := NewVoter(VoterConfig{Node: node, Lists: lists, Resources: resources}, boot)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// asked is a candidate's message for r under abc.
func asked(kind Kind, r Resource, b Ballot) Message {
	m := Message{Kind: kind, Resource: r.Name, Digest: r.Digest(), Ballot: b, Sequence: 7, Lists: abc.digests()}
	if kind == Propose {
		m.Lease = leaseT
	}
	return m
}

// handle wants an answer.
func handle(t *testing.T, v *Voter, at time.Time, m Message) Message {
	t.Helper()
	answer, ok := v.Handle(at, m.Ballot.Node, m)
	if !ok {
		t.Fatalf("%v of %v is not answered", m.Kind, m.Ballot)
	}
	if answer.Ballot != m.Ballot || answer.Sequence != m.Sequence || answer.Resource != m.Resource || answer.Digest != m.Digest {
		t.Fatalf("%+v answers %+v", answer, m)
	}
	return answer
}

// wants fails unless the answer is this.
func wants(t *testing.T, v *Voter, after time.Duration, m Message, want Refusal) Message {
	t.Helper()
	answer := handle(t, v, ready.Add(after), m)
	if answer.Refusal != want {
		t.Fatalf("after %v: %v of %v: %v, want %v", after, m.Kind, m.Ballot, answer.Refusal, want)
	}
	return answer
}

func TestVoterRules(t *testing.T) {
	type step struct {
		after time.Duration
		m     Message
		want  Refusal
	}
	long := asked(Propose, web, ballot(1, "a"))
	long.Lease = longest + 1
	longestOf := asked(Propose, web, ballot(1, "a"))
	longestOf.Lease = longest
	none := asked(Propose, web, ballot(1, "a"))
	none.Lease = 0
	moved := asked(Prepare, Resource{"web", mail.Addresses}, ballot(1, "a"))
	handover := asked(Prepare, web, ballot(2, "b"))
	handover.Release = ballot(1, "a")
	foreign := asked(Prepare, web, ballot(2, "b"))
	foreign.Release = ballot(1, "c")
	short := asked(Propose, web, ballot(1, "a"))
	short.Lease = ms
	nextLife := Ballot{2, "a", 99}
	for name, steps := range map[string][]step{
		"a lease": {
			{0, asked(Prepare, web, ballot(1, "a")), None},
			{0, asked(Propose, web, ballot(1, "a")), None},
		},
		"a lower ballot than promised": {
			{0, asked(Prepare, web, ballot(2, "b")), None},
			{0, asked(Prepare, web, ballot(1, "a")), Promised},
			{0, asked(Propose, web, ballot(1, "a")), Promised},
			{0, asked(Prepare, web, ballot(2, "b")), None},
		},
		"another's lease": {
			{0, asked(Propose, web, ballot(1, "a")), None},
			{leaseT - 1, asked(Prepare, web, ballot(2, "b")), Held},
			{leaseT - 1, asked(Propose, web, ballot(2, "b")), Held},
			{leaseT, asked(Prepare, web, ballot(2, "b")), None},
		},
		"a refused Prepare promises nothing": {
			{0, asked(Propose, web, ballot(1, "a")), None},
			{ms, asked(Prepare, web, ballot(9, "b")), Held},
			{2 * ms, asked(Propose, web, ballot(1, "a")), None},
		},
		"renewed": {
			{0, asked(Propose, web, ballot(1, "a")), None},
			{time.Second, asked(Propose, web, ballot(1, "a")), None},
			{time.Second + leaseT - 1, asked(Prepare, web, ballot(2, "b")), Held},
			{time.Second + leaseT, asked(Prepare, web, ballot(2, "b")), None},
		},
		"a shorter proposal shortens nothing": {
			{0, asked(Propose, web, ballot(1, "a")), None},
			{ms, short, None},
			{leaseT - 1, asked(Prepare, web, ballot(2, "b")), Held},
		},
		"the longest lease":     {{0, longestOf, None}},
		"too long":              {{0, long, TooLong}, {0, asked(Prepare, web, ballot(1, "b")), None}},
		"no time":               {{0, none, TooLong}},
		"not in the file":       {{0, asked(Prepare, mail, ballot(1, "a")), Unknown}},
		"other addresses":       {{0, moved, Unknown}},
		"an earlier life's":     {{0, asked(Propose, web, ballot(1, "a")), None}, {ms, asked(Prepare, web, nextLife), Held}},
		"one life's next":       {{0, asked(Propose, web, ballot(1, "a")), None}, {ms, asked(Prepare, web, ballot(2, "a")), None}},
		"attached Release":      {{0, asked(Propose, web, ballot(1, "a")), None}, {ms, handover, None}},
		"another's Release":     {{0, asked(Propose, web, ballot(1, "a")), None}, {ms, foreign, Held}},
		"released before heard": {{0, handover, None}, {ms, asked(Propose, web, ballot(1, "a")), Released}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVoter(t, "c", abc, web)
			for _, s := range steps {
				wants(t, v, s.after, s.m, s.want)
			}
		})
	}
}

func TestVoterRefusalSaysWhenToAskAgain(t *testing.T) {
	v := newVoter(t, "c", abc, web)
	wants(t, v, 0, asked(Propose, web, ballot(4, "a")), None)
	got := wants(t, v, time.Second, asked(Prepare, web, ballot(1, "b")), Held)
	if got.Holder != ballot(4, "a") || got.Promised != ballot(4, "a") || got.Remaining != 2*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestVoterIsSilentAfterStart(t *testing.T) {
	v := newVoter(t, "c", Lists{Current: abc.Current, Staged: List{[]string{"a", "c"}, 2 * longest}}, web)
	for _, kind := range []Kind{Prepare, Propose} {
		if _, ok := v.Handle(boot.Add(2*longest-1), "a", asked(kind, web, ballot(1, "a"))); ok {
			t.Errorf("%v is answered", kind)
		}
	}
	if got := v.Dropped().Silent; got != 2 {
		t.Errorf("%d dropped", got)
	}
	handle(t, v, boot.Add(2*longest), asked(Prepare, web, ballot(1, "a")))
}

func TestVoterRelease(t *testing.T) {
	v := newVoter(t, "c", abc, web)
	wants(t, v, 0, asked(Propose, web, ballot(2, "a")), None)
	for _, other := range []Ballot{ballot(1, "a"), ballot(2, "b"), {2, "a", 99}, {}} {
		v.Handle(ready, "a", asked(Release, web, other))
		if len(v.Grants(ready)) != 1 {
			t.Fatalf("the Release of %v has ended the lease of %v", other, ballot(2, "a"))
		}
	}
	if _, ok := v.Handle(ready, "b", asked(Release, web, ballot(2, "a"))); ok || len(v.Grants(ready)) != 0 {
		t.Fatal("answered or not released")
	}
	wants(t, v, 0, asked(Propose, web, ballot(2, "a")), Released)
	wants(t, v, 0, asked(Prepare, web, ballot(2, "a")), Released)
	wants(t, v, 0, asked(Prepare, web, ballot(3, "b")), None)
	wants(t, v, 0, asked(Prepare, web, ballot(4, "a")), None)
}

// A promise that nothing comes of must not refuse a holder's renewals for ever.
func TestVoterPromiseEnds(t *testing.T) {
	renewal := asked(Propose, web, ballot(1, "a"))
	t.Run("released", func(t *testing.T) {
		v := newVoter(t, "c", abc, web)
		wants(t, v, 0, asked(Prepare, web, ballot(2, "b")), None)
		wants(t, v, 0, renewal, Promised)
		v.Handle(ready, "b", asked(Release, web, ballot(2, "b")))
		wants(t, v, 0, renewal, None)
	})
	t.Run("lapsed", func(t *testing.T) {
		v := newVoter(t, "c", abc, web)
		wants(t, v, 0, asked(Prepare, web, ballot(2, "b")), None)
		wants(t, v, longest-1, renewal, Promised)
		wants(t, v, longest, renewal, None)
	})
}

func TestVoterDropsWhatIsNoQuestion(t *testing.T) {
	v := newVoter(t, "c", abc, web)
	for _, m := range []Message{
		asked(Promise, web, ballot(1, "a")), asked(Accepted, web, ballot(1, "a")), asked(9, web, ballot(1, "a")),
		asked(Prepare, web, ballot(0, "a")), asked(Prepare, web, ballot(1, "b")),
		{},
	} {
		if answer, ok := v.Handle(ready, "a", m); ok {
			t.Errorf("%+v is answered: %+v", m, answer)
		}
	}
	if got := v.Dropped().Foreign; got != 6 {
		t.Errorf("%d dropped", got)
	}
}

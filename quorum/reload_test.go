// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"net/netip"
	"testing"
	"time"
)

func TestVoterReload(t *testing.T) {
	addr := netip.MustParseAddr
	renamed := Resource{"www", web.Addresses}
	grown := Resource{"web", append([]netip.Addr{addr("192.0.2.3")}, web.Addresses...)}
	apart := Resource{"web", []netip.Addr{addr("192.0.2.9")}}
	for _, test := range []struct {
		name string
		next Resource
		want Refusal
	}{
		{"renamed", renamed, Held},
		{"one address more", grown, Held},
		{"no address in common", apart, None},
		{"another", mail, None},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVoter(t, "c", abc, web)
			wants(t, v, 0, asked(Propose, web, ballot(1, "a")), None)
			if err := v.Reconfigure(ready, []Resource{test.next}); err != nil {
				t.Fatal(err)
			}
			wants(t, v, ms, asked(Prepare, web, ballot(1, "a")), Unknown)
			got := wants(t, v, ms, asked(Prepare, test.next, ballot(2, "b")), test.want)
			if test.want == Held && (got.Holder != ballot(1, "a") || got.Remaining != leaseT-ms) {
				t.Errorf("%+v", got)
			}
			wants(t, v, ms, asked(Propose, test.next, ballot(2, "b")), test.want)
			wants(t, v, leaseT, asked(Prepare, test.next, ballot(3, "b")), None)
		})
	}
	t.Run("released after it went away", func(t *testing.T) {
		v := newVoter(t, "c", abc, web)
		wants(t, v, 0, asked(Propose, web, ballot(1, "a")), None)
		if err := v.Reconfigure(ready, []Resource{renamed}); err != nil {
			t.Fatal(err)
		}
		v.Handle(ready, "a", asked(Release, web, ballot(1, "a")))
		wants(t, v, 0, asked(Prepare, renamed, ballot(1, "b")), None)
	})
	t.Run("back", func(t *testing.T) {
		v := newVoter(t, "c", abc, web)
		wants(t, v, 0, asked(Propose, web, ballot(1, "a")), None)
		for _, r := range []Resource{mail, web} {
			if err := v.Reconfigure(ready, []Resource{r}); err != nil {
				t.Fatal(err)
			}
		}
		wants(t, v, ms, asked(Prepare, web, ballot(2, "b")), Held)
	})
	t.Run("not valid", func(t *testing.T) {
		v := newVoter(t, "c", abc, web)
		if err := v.Reconfigure(ready, []Resource{web, web}); err == nil {
			t.Fatal("taken")
		}
		wants(t, v, 0, asked(Prepare, web, ballot(1, "a")), None)
	})
}

// Two routers on two links may have one link-local address. When one of them
// goes away the other's holder keeps its lease.
func TestVoterReloadKeepsRenewals(t *testing.T) {
	local := netip.MustParseAddr("fe80::1")
	left, right := Resource{"left", []netip.Addr{local}}, Resource{"right", []netip.Addr{local.WithZone("eth1")}}
	v := newVoter(t, "c", abc, left, right)
	wants(t, v, 0, asked(Propose, left, ballot(1, "a")), None)
	wants(t, v, 0, asked(Propose, right, ballot(1, "b")), None)
	if err := v.Reconfigure(ready, []Resource{right}); err != nil {
		t.Fatal(err)
	}
	wants(t, v, ms, asked(Propose, right, ballot(1, "b")), None)
	v.Handle(ready, "b", asked(Release, right, ballot(1, "b")))
	wants(t, v, 2*ms, asked(Prepare, right, ballot(2, "c")), Held)
}

func TestVoterAnswersUnderItsListsAlone(t *testing.T) {
	next := List{[]string{"a", "b", "d"}, longest / 2}
	other := List{[]string{"a", "b", "c", "e"}, longest}
	staged := Lists{Current: abc.Current, Staged: next}
	sealed := Lists{Current: abc.Current, Staged: next, Sealed: true}
	d := func(l List) Digest { return l.Digest() }
	for _, test := range []struct {
		name  string
		node  string
		lists Lists
		asked Lists
		want  [2]Digest
	}{
		{"the current one", "b", abc, abc, [2]Digest{d(abc.Current)}},
		{"both", "b", staged, staged, [2]Digest{d(abc.Current), d(next)}},
		{"not staged here", "b", abc, staged, [2]Digest{d(abc.Current)}},
		{"not staged there", "b", staged, abc, [2]Digest{d(abc.Current)}},
		{"completed there", "b", staged, Lists{Current: next}, [2]Digest{d(next)}},
		{"completed here", "b", Lists{Current: next}, staged, [2]Digest{1: d(next)}},
		{"leaves", "c", staged, staged, [2]Digest{d(abc.Current)}},
		{"joins", "d", staged, staged, [2]Digest{1: d(next)}},
		{"another's", "b", staged, Lists{Current: other}, [2]Digest{}},
		{"another MaxLease", "b", abc, Lists{Current: List{abc.Current.Voters, 1}}, [2]Digest{}},
		{"none", "b", abc, Lists{}, [2]Digest{}},
		{"sealed", "b", sealed, staged, [2]Digest{d(abc.Current), d(next)}},
		{"sealed, leaves", "c", sealed, staged, [2]Digest{d(abc.Current)}},
		{"sealed, not staged there", "b", sealed, abc, [2]Digest{}},
		{"sealed, completed there", "b", sealed, Lists{Current: next}, [2]Digest{d(next)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVoter(t, test.node, test.lists, web)
			m := asked(Prepare, web, ballot(1, "a"))
			m.Lists = test.asked.digests()
			answer, ok := v.Handle(ready, "a", m)
			if answer.Lists != test.want || ok != (test.want != [2]Digest{}) || ok == (v.Dropped().Drift == 1) {
				t.Errorf("answered %v under %v", ok, answer.Lists)
			}
		})
	}
	v := newVoter(t, "b", abc, web)
	if err := v.SetLists(staged); err != nil {
		t.Fatal(err)
	}
	long := asked(Propose, web, ballot(1, "a"))
	long.Lease = next.MaxLease + 1
	long.Lists = staged.digests()
	wants(t, v, 0, long, TooLong)
	long.Lists = abc.digests() // who doesn't know of the other
	wants(t, v, 0, long, None)
	if v.SetLists(Lists{}) == nil || v.SetLists(Lists{Current: List{[]string{"a", "a"}, 1}}) == nil {
		t.Error("lists that are not valid are taken")
	}
}

// Who has not heard that a change is complete needs majorities of both lists. Those
// who have heard it still count for the former.
func TestVoterAnswersUnderItsFormerList(t *testing.T) {
	next := List{[]string{"a", "b", "d"}, longest}
	later := List{[]string{"b", "d", "e"}, longest}
	staged := Lists{Current: abc.Current, Staged: next}
	v := newVoter(t, "b", staged, web)
	under := func(lists, asked Lists, want ...List) {
		t.Helper()
		if err := v.SetLists(lists); err != nil {
			t.Fatal(err)
		}
		var digests [2]Digest
		for i, l := range want {
			digests[i] = l.Digest()
		}
		if got := v.under(asked.digests()); got != digests {
			t.Errorf("answers under %v, want %v", got, want)
		}
	}
	done := Lists{Current: next}
	under(done, staged, abc.Current, next)
	under(done, abc)
	under(done, Lists{Current: abc.Current, Staged: later})
	under(done, done, next)
	under(Lists{Current: next, Staged: later}, staged, abc.Current, next)
	under(Lists{Current: next, Staged: later, Sealed: true}, staged)
	under(Lists{Current: later}, staged)
	under(Lists{Current: later}, Lists{Current: next, Staged: later}, next, later)
}

func TestBallotOrder(t *testing.T) {
	ordered := []Ballot{{}, {1, "a", 9}, {1, "b", 1}, {1, "b", 2}, {2, "a", 1}}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%v against %v: %d", a, b, got)
			}
		}
	}
}

func TestDigests(t *testing.T) {
	swapped := Resource{"web", []netip.Addr{web.Addresses[1].WithZone("eth0"), web.Addresses[0], web.Addresses[0]}}
	if web.Digest() != swapped.Digest() {
		t.Error("order, zones or repetitions count")
	}
	if web.Digest() == mail.Digest() || web.Digest().IsZero() {
		t.Error("addresses don't count")
	}
	mixed := List{[]string{"c", "a", "b"}, longest}
	if mixed.Digest() != abc.Current.Digest() {
		t.Error("the order of voters counts")
	}
	for _, l := range []List{{[]string{"a", "b"}, longest}, {[]string{"ab", "c"}, longest}, {[]string{"a", "b", "c"}, longest + time.Nanosecond}} {
		if l.Digest() == abc.Current.Digest() {
			t.Errorf("%v is taken for %v", l, abc.Current)
		}
	}
}

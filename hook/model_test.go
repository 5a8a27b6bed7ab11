// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vicar-ha/vicar/vip"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "run only the story of this seed")
	seedsFlag = flag.Uint64("seeds", 300, "how many seeds to run")
)

// story is what happens in a random test: what is told when, and how long each
// run lasts.
type story struct {
	hooks []Hook
	tell  []telling // by time; Term is the place in the list, from 1
	lasts func(told) time.Duration
}

type telling struct {
	at time.Duration
	vip.Event
}

// subjects are what stories are about.
var subjects = []subject{{router: "r0"}, {router: "r1"}, {pool: "p"}, {pool: "p", server: "s0"}, {pool: "q", server: "s0"}}

// newStory makes a story up. Events come at whole milliseconds and a run lasts a
// nanosecond longer than that, so that no two things happen at once and there
// is one right order.
func newStory(seed uint64) story {
	random := rand.New(rand.NewPCG(seed, 0))
	var s story
	for i := range 1 + random.IntN(4) {
		h := listen(string(rune('a'+i)), every[random.IntN(len(every))])
		for _, kind := range slices.Concat(every, pooled) {
			if random.IntN(2) == 0 {
				h.On = append(h.On, kind)
			}
		}
		if random.IntN(4) == 0 {
			h.Routers, h.Pools = []string{"r0"}, []string{"p"}
		}
		h.Timeout = time.Duration(1+random.IntN(50))*time.Millisecond + time.Nanosecond
		s.hooks = append(s.hooks, h)
	}
	var at time.Duration
	for i := range 100 {
		at += time.Duration(1+random.IntN(1+random.IntN(20))) * time.Millisecond
		about, kinds := subjects[random.IntN(len(subjects))], every
		if about.pool != "" {
			kinds = pooled
		}
		s.tell = append(s.tell, telling{at, vip.Event{
			Kind: kinds[random.IntN(len(kinds))], Router: about.router, Pool: about.pool, Server: about.server, Term: uint64(i + 1),
		}})
	}
	s.lasts = func(d told) time.Duration {
		r := rand.New(rand.NewPCG(seed, d.Term<<8|uint64(d.hook[0])))
		return time.Duration(r.IntN(70))*time.Millisecond + time.Nanosecond
	}
	return s
}

// expect is what the rule of the package's documentation makes of the story for
// one subject. It knows no queue: at each turn it asks which events still count.
func (s *story) expect(about subject) (runs []told) {
	var now time.Duration
	skipped := make(map[string]int) // by hook and the event that takes the place
	key := func(h *Hook, i int) string { return fmt.Sprint(h.name(), i) }
	for i := range s.tell {
		if subjectOf(&s.tell[i].Event) != about {
			continue
		}
		now = max(now, s.tell[i].at)
		for h := range s.hooks {
			hook, e := &s.hooks[h], s.tell[i].Event
			if !hook.listens(&e) {
				continue
			}
			if by := s.pointless(hook, i, now); by > 0 {
				skipped[key(hook, by)] += skipped[key(hook, i)] + 1
				continue
			}
			d := told{hook.name(), about.router, about.pool, about.server, e.Kind, e.Term, skipped[key(hook, i)], now}
			runs = append(runs, d)
			now += min(s.lasts(d), hook.Timeout)
		}
	}
	return runs
}

// pointless is the first event that came before now and makes event i pointless
// for the hook; 0 if there is none.
func (s *story) pointless(h *Hook, i int, now time.Duration) int {
	move := func(kind vip.EventKind) bool { return kind == vip.TookOver || kind == vip.GivesUp }
	for j := i + 1; j < len(s.tell) && s.tell[j].at < now; j++ {
		e := &s.tell[j].Event
		if subjectOf(e) == subjectOf(&s.tell[i].Event) && h.listens(e) && (!move(e.Kind) || move(s.tell[i].Kind)) {
			return j
		}
	}
	return 0
}

// TestModel compares random stories with the rule as it is documented, and
// wants of each hook that the last thing it is told of a subject is the last of
// what it listens to, whatever happened before.
func TestModel(t *testing.T) {
	first, last := uint64(1), *seedsFlag
	if *seedFlag != 0 {
		first, last = *seedFlag, *seedFlag
	}
	var runs, skipped int
	for seed := first; seed <= last && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newStory(seed)
			list := s.play(t)
			for _, about := range subjects {
				got := of(list, about)
				if diff := cmp.Diff(s.expect(about), got, cmp.AllowUnexported(told{})); diff != "" {
					t.Errorf("%v: %s", about, diff)
				}
				s.checkLast(t, about, got)
				for _, d := range got {
					runs, skipped = runs+1, skipped+d.Skipped
				}
			}
		})
		if t.Failed() {
			t.Logf("replay: go test ./hook -run TestModel -seed %d", seed)
		}
	}
	// A test of skipping in which little is skipped would show little.
	if *seedFlag == 0 && (runs == 0 || skipped*4 < runs) {
		t.Errorf("%d runs, only %d skipped events", runs, skipped)
	}
}

// play tells the story in a bubble, ends Run at once and returns what was run.
func (s *story) play(t *testing.T) []told {
	t.Helper()
	c := &crew{t: t, born: time.Now(), busy: make(map[subject]bool)}
	c.act = func(ctx context.Context, d told) error { return takes(ctx, s.lasts(d)) }
	n, err := newNotifier(Config{Hooks: s.hooks, Drain: time.Hour}, c.build)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for _, e := range s.tell {
		later(time.Until(c.born.Add(e.at)))
		n.Tell(e.Event)
		synctest.Wait()
		n.mu.Lock()
		for _, l := range n.lanes {
			if len(l.queue) > 2*len(s.hooks) {
				t.Errorf("%d wait for %d hooks of %v", len(l.queue), len(s.hooks), l.subject)
			}
		}
		n.mu.Unlock()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	return c.list
}

// checkLast wants the last event that each hook listens to to be the last it
// was told of, and the same of states.
func (s *story) checkLast(t *testing.T, about subject, runs []told) {
	t.Helper()
	for i := range s.hooks {
		h := &s.hooks[i]
		var want, got, wantState, gotState uint64
		for _, e := range s.tell {
			if subjectOf(&e.Event) == about && h.listens(&e.Event) {
				want = e.Term
				if isState(e.Kind) {
					wantState = e.Term
				}
			}
		}
		for _, d := range runs {
			if d.hook == h.name() {
				got = d.Term
				if isState(d.Event) {
					gotState = d.Term
				}
			}
		}
		if got != want || gotState != wantState {
			t.Errorf("%v, hook %s: last told of event %d and state %d, not %d and %d", about, h.name(), got, gotState, want, wantState)
		}
	}
}

// of are the runs for one subject.
func of(list []told, about subject) (runs []told) {
	for _, d := range list {
		if d.subject() == about {
			runs = append(runs, d)
		}
	}
	return runs
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vicar-ha/vicar/cloud"
	"github.com/vicar-ha/vicar/vip"
)

// World is a cloud with two nodes and nobody holding anything. What it can't do
// is nil, and the cases that need it are in Except.
type World struct {
	Nodes [2]cloud.Provider
	// Addresses are those of a claim. They have more than one object, if any of the
	// Provider's claims can.
	Addresses []netip.Prefix
	// Attempt is how long a call of the Provider may take; 0 is cloud.Config's.
	Attempt time.Duration

	// Holder is the number of the node that gets the object's packets, -1 for none,
	// past what the cloud's interfaces show. Give makes it so.
	Holder func(o cloud.Object) int
	Give   func(o cloud.Object, node int)
	// Writes counts the requests to write that have left the node.
	Writes func(node int) int

	// Of both nodes' requests, from now on:
	Down     func(on bool)                    // the cloud fails, or can't be reached
	Deny     func(on bool)                    // they are not permitted
	Throttle func(requests int)               // so many of them are too many
	Lose     func(writes int)                 // so many writes take effect, and their answers don't come
	Refuse   func(o cloud.Object, writes int) // so many writes of the object fail, others don't
	Lag      func(d time.Duration)            // what is shown is so old
	Slow     func(d time.Duration)            // each takes so long
	// Late has the node's writes take effect so much later than they leave, even if
	// nobody waits for it.
	Late func(node int, d time.Duration)
}

// Except are the cases that say nothing about a Provider, by name, and why. All
// others must pass.
type Except map[string]string

// Only leaves out all cases but one.
func Only(name, why string) Except {
	e := make(Except)
	for _, c := range cases {
		if c.name != name {
			e[c.name] = why
		}
	}
	return e
}

// Run tests what package cloud promises, in a World for each case.
func Run(t *testing.T, but Except, world func(t *testing.T) World) {
	t.Helper()
	each(t, but, func(t *testing.T, test func(*story)) { t.Helper(); test(newStory(t, world(t), false)) })
}

// RunBubble is Run with each case in a bubble of testing/synctest.
func RunBubble(t *testing.T, but Except, world func(t *testing.T) World) {
	t.Helper()
	each(t, but, func(t *testing.T, test func(*story)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) { test(newStory(t, world(t), true)) })
	})
}

// each goes through the cases.
func each(t *testing.T, but Except, run func(t *testing.T, test func(*story))) {
	t.Helper()
	left := 0
	for _, c := range cases {
		if _, out := but[c.name]; out {
			left++
			continue
		}
		t.Run(c.name, func(t *testing.T) { run(t, c.test) })
	}
	if left != len(but) {
		t.Errorf("of the cases that are left out %d are known: %v", left, but)
	}
}

var cases = []struct {
	name string
	test func(*story)
}{
	{"objects", objects},
	{"shown", shown},
	{"take twice", takeTwice},
	{"take what is free", takeFree},
	{"yield", yieldOwn},
	{"forbidden writes", forbidden},
	{"ended before", endedBefore},
	{"acquire twice", acquireTwice},
	{"steal", steal},
	{"steal later", stealLater},
	{"release", release},
	{"release by a non-holder", releaseOther},
	{"cancel in the middle", cancelled},
	{"throttled", throttled},
	{"half-moved", halfMoved},
	{"stale describe", stale},
	{"response lost", responseLost},
	{"denied", denied},
	{"down", down},
	{"down while holding", downWhileHolding},
	{"started again in an outage", startedAgain},
	{"started in an outage when another has it", startedAsOther},
	{"drift", drift},
	{"removed", removed},
	{"late write of a former holder", lateWrite},
	{"epoch refused", epochRefused},
}

// story is one case: a World, and what is needed to tell of it.
type story struct {
	*testing.T
	World
	objects []cloud.Object
	poll    time.Duration
	outage  time.Duration
}

func newStory(t *testing.T, w World, bubble bool) *story {
	t.Helper()
	s := &story{T: t, World: w, poll: 300 * time.Millisecond, outage: 1500 * time.Millisecond}
	if bubble {
		s.poll, s.outage = 30*time.Second, time.Hour
	}
	var err error
	if s.objects, err = w.Nodes[0].Objects(w.Addresses); err != nil || len(s.objects) == 0 {
		t.Fatalf("the objects of %v are %v, %v", w.Addresses, s.objects, err)
	}
	return s
}

// needs fails if the world can't do something.
func (s *story) needs(what string, can bool) {
	s.Helper()
	if !can {
		s.Fatalf("this world lacks what the case needs: %s; if it can't have it, the case is left out by Except", what)
	}
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// claim is what a node claims in a term.
func (s *story) claim(term uint64) vip.Claim {
	return vip.Claim{Router: "web", Term: term, Interface: "eth0", Addresses: s.Addresses}
}

// mover is a node's, which steals at once and looks often.
func (s *story) mover(node int, change func(c *cloud.Config)) *cloud.Mover {
	s.Helper()
	cfg := cloud.Config{Provider: s.Nodes[node], Steal: cloud.StealAtOnce, Poll: s.poll, Attempt: s.Attempt}
	if change != nil {
		change(&cfg)
	}
	m, err := cloud.New(cfg)
	s.must(err)
	return m
}

// holders are the objects' holders, in their order.
func (s *story) holders() []int {
	var all []int
	for _, o := range s.objects {
		all = append(all, s.Holder(o))
	}
	return all
}

// wants fails if not all objects are the node's.
func (s *story) wants(node int, when string) {
	s.Helper()
	if !s.all(node) {
		s.Errorf("%s the holders are %v, want %d of all", when, s.holders(), node)
	}
}

func (s *story) all(node int) bool {
	return !slices.ContainsFunc(s.holders(), func(n int) bool { return n != node })
}

// eventually waits until it is so.
func (s *story) eventually(what string, so func() bool) {
	s.Helper()
	for end := time.Now().Add(time.Minute); !so(); {
		if time.Now().After(end) {
			s.Fatalf("%s has not come: the holders are %v", what, s.holders())
		}
		pause(10 * time.Millisecond)
	}
}

// pause lets time pass, in a bubble or not.
func pause(d time.Duration) { <-time.After(d) }

// own does what an agent's owner does with a Mover: it acquires, and again when
// addresses are told to be lost. It ends with the test.
func (s *story) own(m *cloud.Mover, c vip.Claim) {
	ctx, cancel := context.WithCancel(context.Background())
	wake := make(chan struct{}, 1)
	watched, owned := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		_ = m.Watch(ctx, func(vip.Change) {
			select {
			case wake <- struct{}{}:
			default:
			}
		})
	}()
	go func() {
		defer close(owned)
		for {
			select {
			case <-ctx.Done():
				return
			case <-wake:
				_ = m.Acquire(ctx, c) // shows in who holds
			}
		}
	}()
	s.Cleanup(func() { cancel(); <-watched; <-owned })
}

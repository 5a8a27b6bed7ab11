// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/cloud"
)

// The cases of this file ask the Provider itself.

var errForbidden = errors.New("forbidden by the test")

// objects: they are the same on both nodes, in the same order, with names of their
// own, and nobody needs to be asked for them.
func objects(s *story) {
	if s.Down != nil {
		s.Down(true)
	}
	names := map[string]bool{}
	for _, o := range s.objects {
		if o.ID == "" || names[o.ID] {
			s.Errorf("object %q has no name of its own", o.ID)
		}
		names[o.ID] = true
		if !slices.ContainsFunc(s.Addresses, func(p netip.Prefix) bool { return p.Addr() == o.Address }) {
			s.Errorf("object %q is of %v, which nobody asked for", o.ID, o.Address)
		}
	}
	for i, n := range s.Nodes {
		again, err := n.Objects(s.Addresses)
		if err != nil || !slices.Equal(again, s.objects) {
			s.Errorf("on node %d the objects are %v, %v; want %v", i, again, err, s.objects)
		}
	}
	if none, err := s.Nodes[0].Objects(nil); len(none) != 0 || err != nil {
		s.Errorf("the objects of nothing are %v, %v", none, err)
	}
}

// shown: all that were asked for, in their order, whoever has them.
func shown(s *story) {
	look := func(when string) [2][]cloud.Ownership {
		s.Helper()
		var both [2][]cloud.Ownership
		for i, n := range s.Nodes {
			seen, err := n.Observe(s.Context(), s.objects)
			s.must(err)
			if len(seen) != len(s.objects) {
				s.Fatalf("%s node %d is shown %d objects of %d", when, i, len(seen), len(s.objects))
			}
			for j, o := range seen {
				if o.Object != s.objects[j] {
					s.Errorf("%s node %d is shown %v in place of %v", when, i, o.Object, s.objects[j])
				}
				if mine := s.Holder(o.Object) == i; o.Mine != mine {
					s.Errorf("%s node %d is shown that it has %s: %v", when, i, o.ID, o.Mine)
				}
			}
			both[i] = seen
		}
		return both
	}
	look("at first")
	s.must(s.Nodes[0].Take(s.Context(), s.objects, cloud.Taking{Steal: true}))
	for j, o := range look("taken")[1] {
		if o.Holder == "" {
			s.Errorf("the other node is not shown who has %s", s.objects[j].ID)
		}
	}
}

// takeTwice: what is the node's already is no error, with and without Steal.
func takeTwice(s *story) {
	for _, steal := range []bool{true, true, false} {
		s.must(s.Nodes[0].Take(s.Context(), s.objects, cloud.Taking{Steal: steal}))
		s.wants(0, "taken")
	}
}

// takeFree: without Steal what another has is a Conflict and stays its, and what
// is free is taken.
func takeFree(s *story) {
	s.must(s.Nodes[0].Take(s.Context(), s.objects, cloud.Taking{}))
	s.wants(0, "taken as free")
	err := s.Nodes[1].Take(s.Context(), s.objects, cloud.Taking{})
	if err == nil || cloud.KindOf(err) != cloud.Conflict {
		s.Errorf("what another has was taken: %v, want a conflict", err)
	}
	s.wants(0, "after the conflict")
}

// yieldOwn: what is another's stays its.
func yieldOwn(s *story) {
	s.must(s.Nodes[0].Take(s.Context(), s.objects, cloud.Taking{Steal: true}))
	s.must(s.Nodes[1].Yield(s.Context(), s.objects, cloud.Taking{}))
	s.wants(0, "given up by who has it not")
	s.must(s.Nodes[0].Yield(s.Context(), s.objects, cloud.Taking{}))
	s.wants(-1, "given up")
	s.must(s.Nodes[0].Yield(s.Context(), s.objects, cloud.Taking{}))
}

// forbidden: Allowed is asked, what it says comes back, and no write leaves.
func forbidden(s *story) {
	s.must(s.Nodes[0].Take(s.Context(), s.objects, cloud.Taking{Steal: true}))
	no := cloud.Taking{Steal: true, Allowed: func() error { return errForbidden }}
	for node := range s.Nodes {
		var before int
		if s.Writes != nil {
			before = s.Writes(node)
		}
		// The first has all and need not write to take, the second need not to yield.
		if err := s.Nodes[node].Take(s.Context(), s.objects, no); !errors.Is(err, errForbidden) && (node == 1 || err != nil) {
			s.Errorf("node %d took what it may not: %v", node, err)
		}
		if err := s.Nodes[node].Yield(s.Context(), s.objects, no); !errors.Is(err, errForbidden) && (node == 0 || err != nil) {
			s.Errorf("node %d gave up what it may not: %v", node, err)
		}
		if s.Writes != nil && s.Writes(node) != before {
			s.Errorf("%d writes have left node %d", s.Writes(node)-before, node)
		}
	}
	s.wants(0, "after forbidden writes")
}

// endedBefore: nothing leaves after ctx has ended.
func endedBefore(s *story) {
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if _, err := s.Nodes[0].Observe(ctx, s.objects); err == nil {
		s.Error("something is shown though the context has ended")
	}
	if err := s.Nodes[0].Take(ctx, s.objects, cloud.Taking{Steal: true, Allowed: ctx.Err}); err == nil {
		s.Error("taken though the context has ended")
	}
	s.wants(-1, "afterwards")
}

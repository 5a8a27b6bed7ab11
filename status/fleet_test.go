// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import "testing"

func TestMarkStale(t *testing.T) {
	node := func(name string, resources ...NodeResource) Node {
		return Node{Name: name, Configured: true, Resources: resources}
	}
	web := func(state string, term uint64) NodeResource {
		return NodeResource{Name: "router web", State: state, Term: term}
	}
	mail := NodeResource{Name: "router mail", State: "Active", Term: 2}
	tests := map[string]struct {
		fleet     []Node
		unguarded bool
		stale     string // the nodes that hold web no more
	}{
		"one holds":         {fleet: []Node{node("a", web("Active", 3), mail), node("b", web("Backup", 9))}},
		"the first is dead": {fleet: []Node{node("a", web("Active", 3), mail), node("b", web("Active", 4))}, stale: "a"},
		"the last is dead":  {fleet: []Node{node("a", web("Active", 5)), node("b", web("Active", 4), mail)}, stale: "b"},
		"of three the second": {
			fleet: []Node{node("a", web("Active", 3)), node("b", web("Active", 5)), node("c", web("Active", 4))}, stale: "ac",
		},
		"in one term":  {fleet: []Node{node("a", web("Active", 3)), node("b", web("Active", 3))}, stale: "a"},
		"a stranger":   {fleet: []Node{node("a", web("Active", 3)), {Name: "b", Resources: []NodeResource{web("Active", 9)}}}},
		"no guard":     {fleet: []Node{node("a", web("Active", 3)), node("b", web("Active", 4))}, unguarded: true},
		"nobody holds": {fleet: []Node{node("a", web("Backup", 3)), node("b")}},
	}
	for name, tt := range tests {
		s := Status{Guard: &Guard{}, Fleet: tt.fleet}
		if tt.unguarded {
			s.Guard = nil
		}
		s.MarkStale()
		stale := ""
		for _, n := range s.Fleet {
			for _, r := range n.Resources {
				if r.Stale && r.Name == "router web" {
					stale += n.Name
				} else if r.Stale {
					t.Errorf("%s: %s of %s is stale", name, r.Name, n.Name)
				}
			}
		}
		if stale != tt.stale {
			t.Errorf("%s: stale on %q, want %q", name, stale, tt.stale)
		}
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"slices"

	"github.com/vicar-ha/vicar/status"
)

// Status is how the nodes stand: those of the configuration, and others that
// have joined, this one among them, by name. digest is that of this node's
// configuration.
func (f *Fleet) Status(digest string) []status.Node {
	f.mu.Lock()
	defer f.mu.Unlock()
	nodes := make([]status.Node, 0, len(f.nodes)+1)
	for name, n := range f.nodes {
		if _, joined := f.seen[name]; !joined && name != f.cfg.Node {
			nodes = append(nodes, status.Node{Name: name, Address: n.Address, Configured: true, Witness: n.Witness})
		}
	}
	for name, m := range f.seen {
		if name == f.cfg.Node {
			continue
		}
		n := shown(m.document)
		n.Name, n.Address, n.Joined, n.Since = name, m.Address, true, m.Since
		n.Configured = f.counted(name)
		n.Witness = n.Witness || f.nodes[name].Witness
		n.Differs = n.Digest != "" && n.Digest != digest
		nodes = append(nodes, n)
	}
	here := shown(f.own)
	own := f.nodes[f.cfg.Node]
	here.Name, here.Address, here.Here, here.Joined, here.Configured = f.cfg.Node, own.Address, true, true, true
	here.Witness, here.Digest = here.Witness || own.Witness, digest
	nodes = append(nodes, here)
	slices.SortFunc(nodes, func(a, b status.Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

// shown is what a node told of itself.
func shown(d document) status.Node {
	n := status.Node{Version: d.state.Version, Digest: d.state.Digest, Witness: d.state.Witness, Drained: d.state.Drained}
	for _, r := range d.state.Resources {
		n.Resources = append(n.Resources, status.NodeResource{
			Name: r.Name, State: r.State, Priority: int(r.Priority), Term: r.Term, Pinned: r.Pinned,
			Yields: r.Yields, Unready: r.Unready, Taking: r.Taking, Unheard: r.Unheard,
		})
	}
	return n
}

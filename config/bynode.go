// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// byNode is one value for all nodes, or a mapping from nodes.
type byNode[T any] struct {
	mark
	all *T
	named[T]
}

func (b *byNode[T]) refuse(at mark) { b.mark, b.all = at, new(T) }

func (b *byNode[T]) decode(r *reader, key mark, n ast.Node) {
	b.mark = key
	if isMapping(n) {
		b.named.decode(r, key, n)
		return
	}
	b.all = new(T)
	r.value(any(b.all).(decoder), key, n)
}

// of is the node's value, zero if there is none.
func (b *byNode[T]) of(node string) *T {
	for _, e := range b.entries {
		if e.name == node {
			return &e.value
		}
	}
	if b.all != nil {
		return b.all
	}
	return new(T)
}

// nodeValues is a byNode of any type.
type nodeValues interface {
	// differs tells whether nodes have values of their own.
	differs() bool
	// complete checks that these are all nodes' that take part in routers and
	// nobody else's.
	complete(r *reader, c *Config, remedy string)
}

func (b *byNode[T]) differs() bool { return b.present() && b.all == nil }

func (b *byNode[T]) complete(r *reader, c *Config, remedy string) {
	said := make(map[string]bool, len(b.entries))
	for _, e := range b.entries {
		said[e.name] = r.takesPart(e.key, e.name, c)
	}
	if !b.differs() {
		return
	}
	for _, n := range c.contenders() {
		if !said[n.Name] {
			r.bad(b.mark, "node "+n.Name+" is missing", "add "+n.Name+": with "+remedy)
		}
	}
}

// takesPart notes an error unless the name is a node's that takes part in
// routers.
func (r *reader) takesPart(at mark, name string, c *Config) bool {
	i := slices.IndexFunc(c.Nodes, func(n Node) bool { return n.Name == name })
	switch {
	case i < 0:
		r.bad(at, "no node is called "+shown(name), didYouMean(name, c.nodeNames(), "the nodes are "))
	case c.Nodes[i].Witness:
		r.bad(at, name+" is a witness, which takes no part in routers", "remove "+name)
	default:
		return true
	}
	return false
}

// contenders are the nodes that take part in routers: all but witnesses.
func (c *Config) contenders() []Node {
	nodes := make([]Node, 0, len(c.Nodes))
	for _, n := range c.Nodes {
		if !n.Witness {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

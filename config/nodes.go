// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// defaultPriority is RFC 9568's (section 6.1).
const defaultPriority = 100

// rawNode is an entry of nodes.
type rawNode struct {
	mark
	Address  oneOrMore[address] `yaml:"address" jsonschema:"required" jsonschema_description:"The host's own address, or a list of them: one per family or LAN. Never a virtual address."`
	Priority priority           `yaml:"priority" jsonschema_description:"Who holds the addresses: the node with the highest priority. 1 to 254, or 255 on the node whose own address is shared. Default 100. A router's priority overrides it."`
	Witness  boolean            `yaml:"witness" jsonschema_description:"Whether the node takes no part in routers: it never holds an address and sends no adverts. It votes for the guard. Default false."`
}

func (n *rawNode) decode(r *reader, key mark, node ast.Node) {
	n.mark = r.fields(key, node, n)
}

// priority is that of RFC 9568 section 5.2.4 without 0, which says that a
// router gives up.
type priority struct{ number }

func (p *priority) decode(r *reader, key mark, n ast.Node) {
	p.decodeRange(r, key, n, 1, 255, "a priority is 1 to 254, or 255 for the owner of the addresses")
}

// nodes checks the nodes and returns those that can be used.
func (r *reader) nodes(root mark, raw named[rawNode]) []Node {
	switch {
	case !raw.present():
		r.bad(root, "nodes is missing", "list the hosts, as in nodes: {lb-1: {address: 192.0.2.10}, lb-2: {address: 192.0.2.11}}")
	case raw.refused:
	case len(raw.entries) == 0:
		r.bad(raw.mark, "there is no node", "list the hosts, as in nodes: {lb-1: {address: 192.0.2.10}, lb-2: {address: 192.0.2.11}}")
	default:
		r.enoughNodes(raw)
	}
	nodes := make([]Node, 0, len(raw.entries))
	users := make(map[netip.Addr]*entry[rawNode])
	for _, e := range raw.entries {
		r.checkName(e.key, e.name)
		n := Node{Name: e.name, Witness: e.value.Witness.v || !usable(e.value.Witness.scalar)}
		if n.Witness && e.value.Priority.present() {
			r.bad(e.value.Priority.mark, e.name+" is a witness, which takes no part in routers", "remove its priority")
		}
		if e.value.present() && !e.value.Address.refused && len(e.value.Address.items) == 0 {
			r.noAddress(e)
		}
		for _, a := range e.value.Address.items {
			if !a.ok {
				continue
			}
			if first, used := users[a.v]; used {
				r.bad(a.mark, fmt.Sprintf("%s is already the address of node %s on line %d", a.v, first.name, first.key.line), "each node has addresses of its own")
				continue
			}
			users[a.v] = e
			n.Addresses = append(n.Addresses, a.v)
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return nodes
}

// enoughNodes counts those that can hold an address.
func (r *reader) enoughNodes(raw named[rawNode]) {
	witnesses := 0
	for _, e := range raw.entries {
		if e.value.Witness.v {
			witnesses++
		}
	}
	switch {
	case witnesses == len(raw.entries):
		r.bad(raw.mark, "all nodes are witnesses", "one at least must be able to hold the addresses")
	case len(raw.entries) == 1:
		r.warn(raw.mark, "there is only one node", "nothing takes over when it fails")
	case witnesses == len(raw.entries)-1:
		r.warn(raw.mark, "only one node is no witness", "nothing takes over when it fails")
	}
}

func (r *reader) noAddress(e *entry[rawNode]) {
	if e.value.Address.present() {
		r.bad(e.value.Address.mark, "there is no address", "give the host's own, as in address: 192.0.2.10")
		return
	}
	r.bad(e.key, "address is missing", "give the host's own, as in address: 192.0.2.10")
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package cloudtest

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/vicar-ha/vicar/cloud"
)

// Cloud is a cloud in memory. An address has an object in each of its tables, and
// an object has one holder or none. All may be called at any time.
type Cloud struct {
	tables int
	seed   uint64

	mu      sync.Mutex
	objects map[string]*object
	nodes   map[string]*Node
	seq     int
}

// NewCloud makes a cloud in which each address has an object in so many tables.
// What is random in a node's requests comes of the seed and its name.
func NewCloud(seed uint64, tables int) *Cloud {
	return &Cloud{tables: tables, seed: seed, objects: map[string]*object{}, nodes: map[string]*Node{}}
}

// object is what was, and will be, written to an object.
type object struct{ writes []write }

// write is one write. It takes effect at a time, which may be to come.
type write struct {
	at   time.Time
	seq  int
	node string // who gets it, or who gives it up
	kind writeKind
}

type writeKind uint8

const (
	take  writeKind = iota
	claim           // take it if it is free
	yield           // give it up if it is one's own
	empty           // by hand: nobody has it
)

// keep is how long writes are remembered singly.
const keep = 10 * time.Minute

func (o *object) add(now time.Time, w write) {
	// What is long over comes down to its outcome.
	if len(o.writes) > 256 {
		old := now.Add(-keep)
		holder := o.holder(old)
		o.writes = slices.DeleteFunc(o.writes, func(w write) bool { return !w.at.After(old) })
		o.writes = append(o.writes, write{at: old, seq: -1, node: holder, kind: take})
	}
	o.writes = append(o.writes, w)
	slices.SortFunc(o.writes, func(a, b write) int { return cmp.Or(a.at.Compare(b.at), a.seq-b.seq) })
}

// holder is who has the object at a time, or nobody.
func (o *object) holder(at time.Time) string {
	holder := ""
	for _, w := range o.writes {
		switch {
		case w.at.After(at):
			return holder
		case w.kind == take, w.kind == claim && holder == "":
			holder = w.node
		case w.kind == yield && holder == w.node, w.kind == empty:
			holder = ""
		}
	}
	return holder
}

// Objects are those of the addresses.
func (c *Cloud) Objects(addresses []netip.Prefix) []cloud.Object {
	var all []cloud.Object
	for _, p := range addresses {
		for t := range c.tables {
			all = append(all, cloud.Object{ID: "table-" + strconv.Itoa(t) + " " + p.Addr().String(), Address: p.Addr()})
		}
	}
	return all
}

// Holder is the node that has the object now: who gets its packets. Empty is
// nobody.
func (c *Cloud) Holder(o cloud.Object) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.object(o).holder(time.Now())
}

// Holders are the nodes that have objects of the address now, each once; empty
// stands for objects that nobody has.
func (c *Cloud) Holders(a netip.Addr) []string {
	var all []string
	for _, o := range c.Objects([]netip.Prefix{netip.PrefixFrom(a, a.BitLen())}) {
		all = append(all, c.Holder(o))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Give makes a node the holder, past all interfaces, as somebody with a console
// does. Empty is nobody.
func (c *Cloud) Give(o cloud.Object, node string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := take
	if node == "" {
		kind = empty
	}
	c.add(o, node, kind, time.Now())
}

// object is that of the ID. The lock is held.
func (c *Cloud) object(o cloud.Object) *object {
	if c.objects[o.ID] == nil {
		c.objects[o.ID] = &object{}
	}
	return c.objects[o.ID]
}

// add adds a write that takes effect at a time. The lock is held.
func (c *Cloud) add(o cloud.Object, node string, kind writeKind, at time.Time) {
	c.seq++
	c.object(o).add(time.Now(), write{at: at, seq: c.seq, node: node, kind: kind})
}

// Node is the Provider of a node, always the same one for a name.
func (c *Cloud) Node(name string) *Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nodes[name] == nil {
		h := fnv.New64a()
		h.Write([]byte(name))
		c.nodes[name] = &Node{
			cloud: c, name: name, rand: rand.New(rand.NewPCG(c.seed, h.Sum64())),
			calls: map[string]uint64{},
		}
	}
	return c.nodes[name]
}

// All are the nodes' names, sorted.
func (c *Cloud) All() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []string
	for name := range c.nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

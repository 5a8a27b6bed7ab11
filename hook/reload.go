// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package hook

import "reflect"

// Prepared is another set of hooks for a Notifier, checked, built and not yet
// in use. Apply or Discard ends it. It holds nothing but memory.
type Prepared struct {
	notifier *Notifier
	sinks    []*sink
}

// Prepare checks the hooks that are to replace the present ones and builds
// them. It reports all that is wrong and changes nothing.
func (n *Notifier) Prepare(hooks []Hook) (*Prepared, error) {
	sinks, err := buildSinks(hooks, n.build)
	if err != nil {
		return nil, err
	}
	return &Prepared{n, sinks}, nil
}

// Apply puts the hooks in use. It doesn't wait: what runs goes on as it began.
//
// A hook that is equal to a present one, or else has the same program and
// arguments or the same URL, takes its place: it keeps its counters, and is
// told what waits, as far as it still listens to that. What waits for a hook
// that is gone is dropped.
func (p *Prepared) Apply() {
	if p.notifier == nil {
		return
	}
	n := p.notifier
	n.mu.Lock()
	defer n.mu.Unlock()
	successor := match(n.sinks, p.sinks)
	n.sinks = p.sinks
	p.Discard()
	for _, l := range n.lanes {
		for _, gone := range l.move(successor) {
			n.over(gone)
		}
	}
	// Lanes that have nothing left are no longer ready.
	kept := n.ready[:0]
	for _, l := range n.ready {
		if len(l.queue) > 0 {
			kept = append(kept, l)
		} else {
			delete(n.lanes, l.subject)
		}
	}
	clear(n.ready[len(kept):])
	n.ready = kept
	n.ring()
}

// Discard forgets the hooks.
func (p *Prepared) Discard() { *p = Prepared{} }

// match finds for each old hook the new one that takes its place, if any, and
// hands over its counters.
func match(old, fresh []*sink) map[*sink]*sink {
	successor := make(map[*sink]*sink)
	taken := make(map[*sink]bool)
	pass := func(same func(a, b *Hook) bool) {
		for _, o := range old {
			for _, f := range fresh {
				if successor[o] == nil && !taken[f] && same(&o.Hook, &f.Hook) {
					successor[o], taken[f] = f, true
					f.tally = o.tally
				}
			}
		}
	}
	pass(func(a, b *Hook) bool { return reflect.DeepEqual(a, b) })
	for o, f := range successor {
		f.runner = o.runner // which knows of runs that don't end
	}
	pass((*Hook).sameTarget)
	return successor
}

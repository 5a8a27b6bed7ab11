// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"slices"
	"time"
)

// evaluate goes as far as what is known allows. What it decides is in next; the
// following step waits until that is on disk.
func (r *Roll) evaluate() {
	r.adopt()
	r.stage()
	if !r.disk.same(&r.next) {
		return
	}
	switch agreed := !r.disk.Staged.IsZero() && len(r.missing(anyhow)) == 0; {
	case !agreed:
		r.agreed = time.Time{}
	case r.agreed.IsZero():
		r.agreed = r.now
	}
	switch {
	case r.disk.Sealed:
		if r.ready() && len(r.missing(isReady)) == 0 && r.tableReady() {
			r.next = Saved{Generation: r.disk.Generation + 1, Current: r.disk.Staged}
			r.stage()
		}
	case !r.agreed.IsZero():
		// Without a list in force there is nothing to run out.
		r.next.Sealed = r.disk.Fresh() || !r.now.Before(r.agreed.Add(r.disk.lists().longest()))
	}
}

// What is asked of a report of the same change.
func anyhow(*Report) bool    { return true }
func isReady(o *Report) bool { return o.Ready }

// adopt takes over a higher generation: it is complete. A list that its nodes are
// sealed for is taken over sealed, as this node may have been before it lost its
// state.
func (r *Roll) adopt() {
	for _, node := range r.nodesHeard() {
		o := r.heard[node]
		if o.Generation <= r.next.Generation {
			continue
		}
		r.next = Saved{Generation: o.Generation, Current: o.Current}
		if o.Sealed {
			r.next.Staged, r.next.Sealed = o.Staged, true
		}
	}
}

// stage stages the list of the file or of those that are sealed.
func (r *Roll) stage() {
	if r.next.Sealed {
		return
	}
	want, _ := r.bound()
	if want.IsZero() {
		want = r.file
	}
	if want.same(r.next.Current) || !r.next.Fresh() && !want.overlaps(r.next.Current) {
		want = List{}
	}
	if !want.same(r.next.Staged) {
		r.next.Staged, r.next.Forgotten = want, nil
	}
}

// bound is the staged list that can't be taken back, and the node that is sealed
// for it.
func (r *Roll) bound() (List, string) {
	if r.next.Sealed {
		return r.next.Staged, r.node
	}
	for _, node := range r.nodesHeard() {
		o := r.heard[node]
		if o.Sealed && o.Generation == r.next.Generation && o.Current.same(r.next.Current) {
			return o.Staged, node
		}
	}
	return List{}, ""
}

// ready tells whether nothing that the node voted for under the list in force alone
// can still run.
func (r *Roll) ready() bool {
	return r.disk.Sealed && (r.disk.Fresh() || !r.now.Before(r.sealed.Add(r.disk.lists().longest())))
}

// tableReady tells whether nothing that a table voted for under the list in force
// alone can still run, as far as that matters: a node that was forgotten may be
// there, and would need the table's vote only.
func (r *Roll) tableReady() bool {
	return len(r.forgotten()) == 0 || !r.disk.Current.HasTable() ||
		!r.table.IsZero() && !r.now.Before(r.table.Add(r.disk.lists().longest()))
}

// missing are the other nodes of both lists, without those that were forgotten, that
// have not reported the same change or are not as asked.
func (r *Roll) missing(is func(*Report) bool) []string {
	forgotten := r.forgotten()
	return slices.DeleteFunc(r.disk.lists().nodes(), func(node string) bool {
		o, heard := r.heard[node]
		return node == r.node || slices.Contains(forgotten, node) || heard && o.sameChange(&r.disk) && is(&o)
	})
}

// forgotten are those that this node or another with the same change forgot.
func (r *Roll) forgotten() []string {
	all := slices.Clone(r.disk.Forgotten)
	for _, o := range r.heard {
		if o.sameChange(&r.disk) {
			all = append(all, o.Forgotten...)
		}
	}
	return all
}

func (r *Roll) nodesHeard() []string {
	nodes := make([]string, 0, len(r.heard))
	for node := range r.heard {
		nodes = append(nodes, node)
	}
	slices.Sort(nodes)
	return nodes
}

// Waits are the nodes that the change waits for, by name; the table, if it
// waits for that alone.
func (r *Roll) Waits() []string {
	if r.disk.Staged.IsZero() {
		return nil
	}
	if staged := r.missing(anyhow); len(staged) > 0 {
		return staged
	}
	if ready := r.missing(isReady); len(ready) > 0 || !r.disk.Sealed || r.tableReady() {
		return ready
	}
	return Lists{Current: r.disk.Current}.Tables()
}

// Problem is why the list of voters isn't what the node's file says though nobody
// is merely waited for, and what to do; or empty.
func (r *Roll) Problem() string {
	staged, by := r.bound()
	for _, node := range r.nodesHeard() {
		o := r.heard[node]
		switch {
		case o.Generation == r.disk.Generation && !o.Current.same(r.disk.Current):
			return fmt.Sprintf("%s has other voters in force (%v): it was never in this cluster; stop it, or remove its state directory", node, o.Current)
		case by == r.node && o.Generation == r.disk.Generation && o.Sealed && !o.sameChange(&r.disk):
			return fmt.Sprintf("%s is bound to other voters (%v) than this node (%v); stop one, remove its state directory, and start it with the other's file", node, o.Staged, staged)
		}
	}
	if by != "" && !staged.same(r.file) {
		return fmt.Sprintf("the change to the voters %v, to which %s is bound, comes first; then those of this node's file (%v)", staged, by, r.file)
	}
	for _, node := range r.missing(anyhow) {
		if r.gone[node] { // it is waited for, or to be forgotten
			continue
		}
		if o, ok := r.heard[node]; ok && !r.disk.Staged.IsZero() && o.Generation == r.disk.Generation {
			return fmt.Sprintf("the file of %s has other voters (%v) than this node's (%v): reload the same file on all nodes", node, o.wanted(), r.file)
		}
	}
	if !r.next.Fresh() && !r.file.overlaps(r.next.Current) {
		return fmt.Sprintf("of the voters in force (%v) none is in this node's file (%v): %v", r.next.Current, r.file, ErrNobodyStays)
	}
	if lists := r.disk.lists(); !r.disk.Fresh() && !slices.Contains(lists.nodes(), r.node) {
		return fmt.Sprintf("this node is not among the voters (%v)", lists.Current)
	}
	return ""
}

// wanted is the list that the node is to have in the end.
func (s *Saved) wanted() List {
	if s.Staged.IsZero() {
		return s.Current
	}
	return s.Staged
}

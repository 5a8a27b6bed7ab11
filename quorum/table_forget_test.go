// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// rename has node's file have the resource alone.
func (d *desk) rename(node, resource string) {
	d.proxies[node].Reconfigure([]Resource{deskResource(resource, 1)})
}

// TestTableForgets: over the years routers are renamed, and the record does not grow
// with that. What it forgets of them it does not let happen again.
func TestTableForgets(t *testing.T) {
	d := newDesk(t)
	d.ask(deskMessage(Propose, "b", "web", 5), None) // b's file has it to the end
	const names = 3 * keptTerms
	for i := range names {
		name := fmt.Sprint("r", i)
		d.rename("a", name)
		d.now = d.now.Add(3 * time.Second)
		renewed := deskMessage(Propose, "b", "web", 5)
		renewed.Sequence = uint64(6 + i)
		d.ask(renewed, None)
		d.proxies["a"].Reconfigure([]Resource{deskResource(name, 2)}) // besides b's, with another address
		m := deskMessage(Propose, "a", name, uint64(1000+i))
		m.Digest = deskResource(name, 2).Digest()
		d.ask(m, None)
		d.proxies["a"].Ask(d.now, deskMessage(Release, "a", name, uint64(1000+i)))
		d.run("a")
	}
	r := d.record()
	if n := len(r.Terms); n > keptTerms+2 {
		t.Errorf("it remembers the terms of %d resources", n)
	}
	// b's, which a's file never had, and which is held, is there.
	if m := d.ask(deskMessage(Prepare, "b", "web", 4), Promised); m.Promised.Counter != 5 {
		t.Errorf("%+v", m)
	}
	// The first names are forgotten, and come back: above all that is forgotten.
	d.rename("a", "r0")
	d.now = d.now.Add(10 * time.Second)
	floor := uint64(1000 + names - keptTerms - 2) // the last one is in a's file
	m := d.ask(deskMessage(Propose, "a", "r0", 1000), Promised)
	if term := d.proxies["a"].Term("r0"); m.Promised.Counter < floor || m.Promised.Counter != term {
		t.Errorf("a ballot that was accepted before is answered %+v, the term is %d, want %d", m, term, floor)
	}
	d.ask(deskMessage(Propose, "a", "r0", m.Promised.Counter), Promised)
	d.ask(deskMessage(Propose, "a", "r0", m.Promised.Counter+1), None)
	// The last are remembered: they go on from where they were.
	last := fmt.Sprint("r", names-1)
	d.rename("a", last)
	d.now = d.now.Add(10 * time.Second)
	if got, want := d.proxies["a"].Term(last), uint64(1000+names-1); got != want {
		t.Errorf("the term of %s is %d, want %d", last, got, want)
	}
	d.ask(deskMessage(Propose, "a", last, 1000+names), None)
}

// TestTableKeepsWhatIsAskedFor: what the asker's file has is not forgotten, however
// long ago it was in need of the table: its holder's ballot is good still.
func TestTableKeepsWhatIsAskedFor(t *testing.T) {
	d := newDesk(t)
	d.proxies["a"].kept, d.proxies["b"].kept = 0, 0
	d.ask(deskMessage(Propose, "a", "web", 3), None)
	d.now = d.now.Add(time.Hour) // the nodes are a majority
	d.run("a")
	d.rename("b", "web")
	m := deskMessage(Propose, "a", "web", 3)
	m.Sequence = 900
	d.ask(m, None)
}

// TestTableFull: a record that would be too long is not written, and the error says
// what to do.
func TestTableFull(t *testing.T) {
	d := newDesk(t)
	var all []Resource
	for i := range 2000 {
		all = append(all, deskResource(strings.Repeat("x", 200)+fmt.Sprint(i), byte(i)))
	}
	d.proxies["a"].Reconfigure(all)
	for _, r := range all {
		m := deskMessage(Propose, "a", r.Name, 1)
		m.Digest = r.Digest()
		d.proxies["a"].Ask(d.now, m)
	}
	if answers := d.run("a"); len(answers) > 0 {
		t.Errorf("%d answers", len(answers))
	}
	if _, err := d.proxies["a"].Heard(); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "sync group") {
		t.Errorf("%v", err)
	}
}

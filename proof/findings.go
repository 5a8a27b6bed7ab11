// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package proof

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/track"
)

// findings are those of all elections, those that say the same in one.
type findings struct {
	list  []Finding
	index map[string]int // by what they say
}

func (fs *findings) add(f Finding, routers []string) {
	key := strings.Join([]string{string(f.Kind), string(f.Severity), f.Check, f.Text, f.Remedy}, "\x00")
	if i, known := fs.index[key]; known {
		fs.list[i].Routers = append(fs.list[i].Routers, routers...)
		return
	}
	if fs.index == nil {
		fs.index = make(map[string]int)
	}
	fs.index[key] = len(fs.list)
	f.Routers = slices.Clone(routers)
	fs.list = append(fs.list, f)
}

// sorted has the worst first (in the words' order, too), and each kind together.
func (fs *findings) sorted() []Finding {
	for i := range fs.list {
		slices.Sort(fs.list[i].Routers)
		fs.list[i].Routers = slices.Compact(fs.list[i].Routers)
	}
	slices.SortStableFunc(fs.list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Kind, b.Kind))
	})
	return fs.list
}

// judge is what is found in an election. A thing is said once, at the first
// failure that shows it.
type judge struct {
	*election
	found *findings
	said  map[string]bool
}

// once adds the finding unless about has been spoken of.
func (j *judge) once(f Finding, about ...string) {
	key := string(f.Kind) + "\x00" + strings.Join(about, "\x00")
	if !j.said[key] {
		j.said[key] = true
		j.found.add(f, j.routers())
	}
}

// candidates are the nodes that could hold.
func (e *election) candidates() []int {
	var all []int
	for i, p := range e.base {
		if p != 0 {
			all = append(all, i)
		}
	}
	return all
}

// whenWell finds what needs no failure.
func (j *judge) whenWell() {
	candidates := j.names(j.candidates())
	switch len(candidates) {
	case 0:
		j.once(Finding{Kind: Nobody, Severity: Problem, Text: "no node can hold the addresses: all are witnesses", Remedy: "add a node that is none"})
		return
	case 1:
		j.once(Finding{
			Kind: Stays, Severity: Note, Text: candidates[0] + " is the only node: nothing takes over when it dies, and no check can move the addresses",
			Remedy: "add a node",
		})
	}
	if j.holder == nobody {
		var names []string
		for _, t := range j.well[j.candidates()[0]].Blocked {
			names = append(names, j.tracks[t].Check)
		}
		j.once(Finding{
			Kind: Nobody, Severity: Problem,
			Text:   "nobody can hold the addresses while all is well: " + words(names) + verb(names, " takes", " take") + " a node out while passing (fault, reverse)",
			Remedy: "remove reverse, so that a failure takes the node out",
		})
	}
	if len(j.tied) > 0 {
		j.tie(Finding{Text: "when all is well"}, j.holder, j.tied, j.well)
	}
	j.reversed()
	j.unready()
}

// reversed finds faults in reverse of looks at a service. What a local file or
// process means is the user's affair, but a service that answers is well.
func (j *judge) reversed() {
	for _, t := range j.tracks {
		check := j.m.checks[j.m.index[t.Check]]
		looksAway := slices.ContainsFunc(check.targets, func(t target) bool { return t.host != "" })
		if !t.Fault() || !t.Reverse || !check.reverse || !looksAway {
			continue
		}
		j.once(Finding{
			Kind: Nobody, Severity: Problem, Check: t.Check,
			Text:   "no node on which " + t.Check + " passes can hold the addresses (fault, reverse): when it passes on all of them nobody does",
			Remedy: "remove reverse, so that a failure takes the node out",
		}, t.Check)
	}
}

// tie finds that the priorities don't decide. The finding's text is when.
func (j *judge) tie(f Finding, holder int, tied []int, all []standing) {
	names := j.names(append([]int{holder}, tied...))
	slices.Sort(names)
	f.Kind, f.Severity = Tie, Note
	f.Text += ": " + words(names) + " have the same priority " + strconv.Itoa(int(all[holder].Priority)) + ": who is first holds the addresses"
	if j.m.majority == 0 { // else the lease decides
		f.Text += ", and of those that start together the one with the greater address"
		if j.units[0].decided(j.m) {
			f.Text += ", " + j.name(holder)
		}
	}
	f.Remedy = "give each node a priority that no other can come to have"
	j.once(f, names...)
}

// afterStep finds what a failure shows.
func (j *judge) afterStep(s step) {
	if f, ok := j.stays(s); ok {
		j.once(f, j.about(f)...)
	}
	if len(s.tied) > 0 {
		j.tie(Finding{Text: s.what(), From: s.from, Failures: s.failures()}, s.next, s.tied, s.after)
	}
	switch {
	case s.next != nobody || s.holder == nobody:
	case s.minority:
		j.minority(s)
	default:
		j.nobody(s)
	}
	if !j.preempt && len(s.hits) == 1 {
		j.noPreempt(s)
	}
}

// about is what a Stays is about: its check, or several that don't move the
// addresses one by one either.
func (j *judge) about(f Finding) []string {
	if f.Check != "" {
		return []string{f.Check}
	}
	for _, t := range f.Failures[len(f.Failures)-1].Turned {
		if j.said[string(Stays)+"\x00"+t.Check] {
			return []string{t.Check}
		}
	}
	return []string{f.Text}
}

// nobody finds that those who live are all kept out.
func (j *judge) nobody(s step) {
	var living, blocking []string
	for i, n := range s.after {
		if n.out {
			continue
		}
		living = append(living, j.name(i))
		if n.down != "" {
			blocking = append(blocking, "the interface "+n.down)
		}
		for _, t := range n.Blocked {
			if name := j.tracks[t].Check; !slices.Contains(blocking, name) {
				blocking = append(blocking, name)
			}
		}
	}
	if len(living) == 0 || len(j.candidates()) < 2 {
		return
	}
	f := Finding{
		Kind: Nobody, Severity: Note, From: s.from, Failures: s.failures(),
		Text: s.what() + ": nobody holds the addresses, though " + words(living) + verb(living, " lives", " live") + "; " +
			words(blocking) + verb(blocking, " keeps ", " keep ") + verb(living, "it", "them") + " out",
		Remedy: "with a weight in place of fault the best of those that live goes on",
	}
	if len(s.hits) == 1 && s.hit().dead != nobody {
		f.Severity = Problem
	}
	j.once(f, blocking...)
}

// noPreempt finds what checks can't do without preemption.
func (j *judge) noPreempt(s step) {
	turned := j.turnedOn(s.hit(), s.holder)
	if len(turned) != 1 || len(s.hit().turns) != 1 || s.hit().maybe || len(j.candidates()) < 2 {
		return
	}
	t := j.tracks[j.tracked[turned[0]]]
	if t.Weight == 0 {
		if repaired, _ := j.elect(s.next, j.well); s.next != nobody && repaired != s.holder {
			j.once(Finding{
				Kind: NoPreempt, Severity: Note, Check: t.Check, From: s.from, Failures: s.failures(),
				Text:   s.what() + ": the addresses go to " + j.name(s.next) + ", and stay there when all is well again (preempt: false)",
				Remedy: "preempt: true, or a delay, brings them back",
			}, t.Check)
		}
		return
	}
	if s.next != s.holder || added(s.after[s.holder]) >= added(s.before[s.holder]) || s.after[s.holder].Base == track.OwnerPriority {
		return
	}
	j.once(Finding{
		Kind: NoPreempt, Severity: Problem, Check: t.Check, From: s.from, Failures: s.failures(),
		Text:   s.what() + ": " + expression(s.after[s.holder]) + " holds on, whatever the weight: with preempt: false no node takes the addresses from a worse one",
		Remedy: "use weight: fault, or preempt: true, or a delay",
	}, t.Check)
}

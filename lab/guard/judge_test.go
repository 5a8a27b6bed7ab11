// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/lab"
	"github.com/vicar-ha/vicar/lab/probe"
)

// event is what happened in a world.
type event struct {
	at   time.Duration
	text string
}

// silence is a time during which a node must not answer: from when its lease
// must have run out. The fault began at since.
type silence struct {
	node            string
	since, from, to time.Duration
	why             string
}

// mustBeSilent wants no answer of a node from term after it was silenced until
// now.
func (w *world) mustBeSilent(name string, since time.Duration, why string) {
	w.silences = append(w.silences, silence{name, since, since + term, w.now(), why})
}

// neverAnswers wants no answer of a node from since until now.
func (w *world) neverAnswers(name string, since time.Duration, why string) {
	w.silences = append(w.silences, silence{name, since, since, w.now(), why})
}

// end stops everything, and prints the story of a test that failed.
func (w *world) end() {
	var shown strings.Builder
	if w.t.Failed() {
		w.show(&shown)
	}
	for _, n := range w.nodes {
		for _, p := range n.lives {
			if !p.Ended() {
				_ = p.KillFamily()
			}
		}
	}
	if w.stop != nil {
		w.stop()
	}
	w.session.Close()
	if w.t.Failed() || *stories {
		w.t.Log(w.story() + shown.String())
	}
}

// show writes what the agents that run say of themselves.
func (w *world) show(b *strings.Builder) {
	ctx, cancel := context.WithTimeout(context.Background(), patience) // the test's is over
	defer cancel()
	for _, m := range w.members {
		a := w.nodes[m.name].agent
		if a == nil || a.Ended() {
			continue
		}
		s, err := a.Status(ctx)
		text, _ := json.MarshalIndent(map[string]any{"routers": s.Routers, "fleet": s.Fleet, "guard": s.Guard, "peer_link": s.PeerLink}, "", " ")
		fmt.Fprintf(b, "--- status of %s (%v):\n%s\n", m.name, err, text)
	}
}

// verdict is what came of a run.
type verdict struct {
	two   int           // milliseconds in which two hosts answered, see counts
	late  int           // answers of a host that had to be silent
	gap   time.Duration // the longest time without an answer to the client
	found []string      // the promises that were broken
}

// judge ends the probing and fails the test for each promise that was broken.
func (w *world) judge() verdict {
	w.t.Helper()
	v := w.verdict()
	for _, f := range v.found {
		w.t.Error(f)
	}
	return v
}

// verdict ends the probing and tells which promises were broken.
func (w *world) verdict() verdict {
	w.t.Helper()
	end := w.now()
	w.stop()
	v := verdict{gap: w.asker.Longest(w.began, end)}
	instants := make(map[time.Duration]bool)
	add := func(who string, doubles []probe.Double) {
		doubles = slices.DeleteFunc(doubles, func(d probe.Double) bool { return !w.counts(d.At) })
		for _, d := range doubles {
			instants[d.At.Truncate(time.Millisecond)] = true
		}
		if len(doubles) > 0 {
			v.found = append(v.found, fmt.Sprintf("%s saw two holders, in %d answers: %v", who, len(doubles), doubles[0]))
		}
	}
	add("the probers", w.holders.Doubles())
	add("the client", w.asker.Doubles())
	if w.holders6 != nil {
		add("the probers of IPv6", w.holders6.Doubles())
	}
	v.two = len(instants)
	for _, s := range w.silences {
		for _, hs := range []*probe.Holders{w.holders, w.holders6} {
			if hs == nil || s.to <= s.from {
				continue
			}
			if got := hs.Answers(w.nodes[s.node].Host, s.from, s.to); len(got) > 0 {
				v.late += len(got)
				v.found = append(v.found, fmt.Sprintf("%s answered %d times within %v to %v, from %v to %v: %s",
					s.node, len(got), s.from, s.to, got[0], got[len(got)-1], s.why))
			}
		}
	}
	return v
}

// counts tells whether two holders at a time are what is looked for. Where nothing
// is promised that is so during the fault alone: others have two for a moment also
// when a better one takes over, and one that holds on may have to learn that
// another one took over.
func (w *world) counts(at time.Duration) bool {
	if !w.unguarded && w.fence == "" && w.onLoss == "" {
		return true
	}
	return slices.ContainsFunc(w.silences, func(s silence) bool { return at >= s.since && at <= s.to })
}

// story is what happened: the events and who answered, in order, and what the
// agents have written.
func (w *world) story() string {
	var b strings.Builder
	epoch := time.Now().Add(-w.now())
	fmt.Fprintf(&b, "the seed is -guard.seed %d; time 0 is %s\n", *seed, epoch.Format("15:04:05.000000"))
	events := slices.Clone(w.events)
	answered := func(who string, list []probe.Interval) {
		for _, i := range list {
			events = append(events, event{i.From, fmt.Sprintf("  %s from here until %v", who, i.To)})
		}
	}
	for _, m := range w.members {
		h := w.nodes[m.name].Host
		answered(m.name+" answers", w.holders.Of(h))
		if w.holders6 != nil {
			answered(m.name+" answers IPv6", w.holders6.Of(h))
		}
	}
	for name, list := range w.asker.Of() {
		answered("the client is answered by "+name, list)
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	for _, e := range events {
		fmt.Fprintf(&b, "%14v %s\n", e.at, e.text)
	}
	late := w.session.Lateness()
	fmt.Fprintf(&b, "the probers were late by %v at most, and left out %d of %d\n", late.Max, late.Missed, late.Ticks)
	for _, m := range w.members {
		for _, p := range w.nodes[m.name].lives {
			fmt.Fprintf(&b, "--- %s (pid %d, %v) wrote:\n%s", m.name, p.Pid(), p.Wait(), p.Output)
		}
	}
	return b.String()
}

// gone waits until processes that were children of an agent have ended.
func (w *world) gone(pids []int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("processes %v end", pids), func() bool { return !slices.ContainsFunc(pids, lab.Alive) })
}

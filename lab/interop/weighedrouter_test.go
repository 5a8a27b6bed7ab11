// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// lookAt finds what is not as the step has it on a node.
func (r *weighedRouter) lookAt(node string, sides []side, held []netip.Prefix) {
	if sides == nil {
		r.why = node + "'s agent does not answer"
		return
	}
	want := side{"backup", r.step.of(node)}
	switch {
	case want.priority == out:
		want = side{"out", sides[r.n].priority}
	case r.step.holder == node:
		want.state = "active"
	}
	has := slices.ContainsFunc(held, func(p netip.Prefix) bool { return p.Addr() == weighedAddress(r.n).Addr() })
	switch {
	case sides[r.n] != want:
		r.why = fmt.Sprintf("%s is %v, want %v", node, sides[r.n], want)
	case has != (r.step.holder == node):
		r.why = fmt.Sprintf("%s has the address: %v", node, has)
	}
}

// hear judges what is on the wire. The router is done with its step when all is
// right and the holder, and nobody else, has said so often enough. busy tells
// that programs don't get the processor when they need it.
func (r *weighedRouter) hear(t *testing.T, adverts []weighedAdvert, nodes map[string]netip.Addr, busy bool) {
	t.Helper()
	switch problem, excuse := r.surprise(adverts, nodes); {
	case r.excused && r.why != "":
		return
	case r.excused:
		r.excused, r.begun = false, len(adverts)
	case problem != "" && (excuse || busy):
		t.Logf("%s: excused on a busy machine: %s", r.name, problem)
		r.excused, r.right = true, -1
		return
	case problem != "":
		r.problem, r.done = problem, true
		return
	}
	if r.why != "" {
		r.right = -1
		return
	}
	if r.right < 0 {
		r.right = len(adverts)
	}
	n := 0
	for _, a := range adverts[r.right:] {
		if a.vrid != weighedVRID(r.n) {
			continue
		}
		if a.source != nodes[r.step.holder] || a.priority != r.step.of(r.step.holder) {
			r.why = fmt.Sprintf("%v came from %v", a.priority, a.source)
			r.right = -1 // an old one, or the agent says what is not so
			return
		}
		n++
	}
	r.done = n >= enough || r.step.holder == ""
	r.why = fmt.Sprintf("%d adverts came", n)
}

// surprise is an advert that the step can't have caused, or nothing: one with a
// priority that its node has neither before nor after it, or one from another
// than the holder if that was to stay. The latter is excused if the holder was
// not heard for as long as it takes to be taken for dead.
func (r *weighedRouter) surprise(adverts []weighedAdvert, nodes map[string]netip.Addr) (problem string, excuse bool) {
	if r.before == nil {
		return "", false // at the start agents don't know yet how their checks are
	}
	stays := r.before.holder != "" && r.before.holder == r.step.holder
	var heard time.Duration // the holder
	for n, a := range adverts {
		if a.vrid != weighedVRID(r.n) {
			continue
		}
		if a.source == nodes[r.step.holder] {
			heard = a.at
		}
		if n < r.begun {
			continue
		}
		node := "a"
		if a.source == nodes["b"] {
			node = "b"
		}
		if a.priority != r.before.of(node) && a.priority != r.step.of(node) {
			return fmt.Sprintf("%v, but %s said %d", r.step, node, a.priority), false
		}
		if stays && node != r.step.holder {
			silent := a.at - heard
			return fmt.Sprintf("%v, but %s spoke, with %d, when the holder had been silent for %v", r.step, node, a.priority, silent),
				silent >= 3*weighInterval
		}
	}
	return "", false
}

// weighedAdvert is one that was heard.
type weighedAdvert struct {
	at             time.Duration // when, since the beginning of time
	source         netip.Addr
	vrid, priority int
}

// ear reads a capture's adverts as they come.
type ear struct {
	capture *capture
	read    int // bytes of the capture's output
	adverts []weighedAdvert
}

// printed is how tcpdump prints an advert.
var printed = regexp.MustCompile(`^(\d+)\.(\d{6}) IP (\S+) > 224\.0\.0\.18: VRRPv3, Advertisement, vrid (\d+), prio (\d+),`)

// listen reads what has come since.
func (e *ear) listen() {
	text := e.capture.process.Output.String()[e.read:]
	text = text[:strings.LastIndexByte(text, '\n')+1]
	e.read += len(text)
	for line := range strings.Lines(text) {
		m := printed.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		number := func(n int) int {
			v, _ := strconv.Atoi(m[n]) // digits
			return v
		}
		e.adverts = append(e.adverts, weighedAdvert{
			at:     time.Duration(number(1))*time.Second + time.Duration(number(2))*time.Microsecond,
			source: netip.MustParseAddr(m[3]), vrid: number(4), priority: number(5),
		})
	}
}

// story is a router's adverts, those in a row that are alike put together.
func (e *ear) story(vrid int) string {
	var parts []string
	var last weighedAdvert
	for _, a := range e.adverts {
		if a.vrid == vrid && (a.source != last.source || a.priority != last.priority) {
			parts = append(parts, fmt.Sprintf("%v %d", a.source, a.priority))
			last = a
		}
	}
	return strings.Join(parts, ", ")
}

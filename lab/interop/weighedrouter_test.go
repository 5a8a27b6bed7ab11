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
// right and the holder, and nobody else, has said so often enough. If the
// holder is to stay nobody else may have spoken at all.
func (r *weighedRouter) hear(adverts []weighedAdvert, nodes map[string]netip.Addr) {
	for _, a := range adverts[r.begun:] {
		if a.vrid == weighedVRID(r.n) && r.before != "" && r.before == r.step.holder && a.source != nodes[r.before] {
			r.problem = fmt.Sprintf("%v, but %v came from %v, though %s was to stay", r.step, a.priority, a.source, r.before)
			r.done = true
			return
		}
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

// weighedAdvert is one that was heard.
type weighedAdvert struct {
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
var printed = regexp.MustCompile(`IP (\S+) > 224\.0\.0\.18: VRRPv3, Advertisement, vrid (\d+), prio (\d+),`)

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
		vrid, _ := strconv.Atoi(m[2]) // digits
		priority, _ := strconv.Atoi(m[3])
		e.adverts = append(e.adverts, weighedAdvert{netip.MustParseAddr(m[1]), vrid, priority})
	}
}

// story is a router's adverts, those in a row that are alike put together.
func (e *ear) story(vrid int) string {
	var parts []string
	var last weighedAdvert
	for _, a := range e.adverts {
		if a.vrid == vrid && a != last {
			parts = append(parts, fmt.Sprintf("%v %d", a.source, a.priority))
			last = a
		}
	}
	return strings.Join(parts, ", ")
}

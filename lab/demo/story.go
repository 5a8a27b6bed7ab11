// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// story prints what happens as it happens. The hosts' logs reach it from
// several goroutines.
type story struct {
	out io.Writer
	now func() time.Duration

	mu     sync.Mutex
	over   bool                     // what the hosts do from now on is not told
	since  map[string]time.Duration // when a host became Active; absent: it isn't
	alerts []string                 // what hosts complained about
}

func newStory(out io.Writer) *story {
	return &story{out: out, since: make(map[string]time.Duration)}
}

// begin starts the clock of the story.
func (s *story) begin(now func() time.Duration) { s.now = now }

func (s *story) headline(text string) { s.print("%s  %s\n", s.stamp(), text) }

// stamp is the present as seconds.
func (s *story) stamp() string { return fmt.Sprintf("%8.3f s", s.now().Seconds()) }

func (s *story) print(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, format, args...) // a story that nobody reads goes on
}

// tell tells what somebody does, unless the story is over.
func (s *story) tell(who, what, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		_, _ = fmt.Fprintf(s.out, "%s      %-4s  %-6s %s\n", s.stamp(), who, what, why)
	}
}

// finish ends what is told of the hosts: those that are stopped one after the other
// when the demo is taken down hand the address on.
func (s *story) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// ear is a writer that hears a host's log line by line.
type ear struct {
	story *story
	host  string
	rest  []byte // a line that has not ended yet
}

// listen makes a writer for a host's log. One goroutine may use it at a time.
func (s *story) listen(host string) *ear { return &ear{story: s, host: host} }

// Write implements io.Writer.
func (e *ear) Write(p []byte) (int, error) {
	e.rest = append(e.rest, p...)
	for {
		line, rest, ended := bytes.Cut(e.rest, []byte("\n"))
		if !ended {
			return len(p), nil
		}
		e.story.hear(e.host, line)
		e.rest = rest
	}
}

// record is what the story reads of a log line.
type record struct {
	Level  string `json:"level"`
	Msg    string `json:"msg"`
	To     string `json:"to"`
	From   string `json:"from"`
	Reason string `json:"reason"`
	Err    string `json:"err"`
	// What is said of a cloud, and of a check.
	Objects int           `json:"objects"`
	Took    time.Duration `json:"took"`
	Check   string        `json:"check"`
	Cause   string        `json:"cause"`
}

// said is what a line of a log says of a cloud, in the story's words.
func (r record) said() string {
	switch r.Msg {
	case "the addresses have moved in the cloud":
		return fmt.Sprintf("%d routes moved and read back, %d ms after the election", r.Objects, r.Took.Milliseconds())
	case "somebody took what this node holds in the cloud":
		return "sees that a route is another's"
	case "took back in the cloud what somebody else had taken":
		return "has taken it back"
	case "the cloud can't be asked; what is held stays held":
		return "can't verify what it holds"
	case "the cloud answers again":
		return "can verify again what it holds"
	case "check fails":
		if r.Check == "cloud/web" {
			return "is not ready to take over; its priority is lower"
		}
	case "check passes":
		if r.Check == "cloud/web" {
			return "is ready to take over"
		}
	}
	return ""
}

// hear takes a line of a host's log: transitions are told, complaints kept.
func (s *story) hear(host string, line []byte) {
	var r record
	if json.Unmarshal(line, &r) != nil {
		s.complain(host, string(line))
		return
	}
	switch {
	case r.Msg == "state changed":
		s.mu.Lock()
		delete(s.since, host)
		if r.To == "Active" {
			s.since[host] = s.now()
		}
		s.mu.Unlock()
		if r.To == "Active" || r.From == "Active" {
			s.tell(host, r.To, r.Reason)
		}
	case r.said() != "":
		s.tell(host, "", r.said())
	case r.Level == "ERROR":
		s.complain(host, r.Msg+": "+r.Err)
	}
}

func (s *story) complain(host, what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, host+": "+what)
}

// active tells since when a host is Active.
func (s *story) active(host string) (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, ok := s.since[host]
	return since, ok
}

// complaints are what hosts complained about, a line each.
func (s *story) complaints() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, a := range s.alerts {
		b.WriteString("\n  " + a)
	}
	return b.String()
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Report is what a demo comes to. Its JSON names are a public interface.
type Report struct {
	Timing Timing `json:"timing"`
	Acts   []Act  `json:"acts"`
}

// Timing is what the figures depend on, as the demo's configuration says.
type Timing struct {
	Advert time.Duration `json:"advert_interval_ns"`
	Poll   time.Duration `json:"poll_ns,omitempty"` // how often a holder looks in the cloud
}

// Act is one thing that happens to the hosts, and what the client saw of it.
type Act struct {
	What string `json:"what"`
	// Outage is the longest time without an answer, Open that it has not ended.
	Outage time.Duration `json:"outage_ns"`
	Open   bool          `json:"open,omitempty"`
	// Elected is after how long another was elected, in a cloud.
	Elected time.Duration `json:"elected_ns,omitempty"`
	// Otherwise is what it comes to by other settings than the demo's.
	Otherwise string `json:"otherwise,omitempty"`
}

// act is an Act that goes on.
type act struct {
	title     string
	otherwise string
	from      time.Duration // in the session's time
	active    time.Duration // when another was Active; zero: none was
}

// happens begins an act. otherwise is what it comes to by other settings, if that is
// to be told.
func (s *show) happens(title, otherwise string) {
	s.acts = append(s.acts, act{title: title, otherwise: otherwise, from: s.probes.Now()})
	s.story.headline(title)
}

// report is what the client saw of each act.
func (s *show) report() Report {
	r := Report{Timing: s.plot.timing()}
	end := s.probes.Now()
	for n, a := range s.acts {
		to := end
		if n+1 < len(s.acts) {
			to = s.acts[n+1].from
		}
		seen := s.client.Worst(a.from-100*time.Millisecond, to)
		what, _, _ := strings.Cut(a.title, ":")
		what, _, _ = strings.Cut(what, ",")
		one := Act{What: what, Open: seen.Open, Otherwise: a.otherwise}
		if seen.Lost > 0 {
			one.Outage = seen.Duration()
		}
		if s.opt.Cloud && seen.Start < a.active && a.active < seen.End {
			one.Elected = a.active - max(seen.Start, a.from)
		}
		r.Acts = append(r.Acts, one)
	}
	return r
}

// sumUp tells what the demo has come to.
func (s *show) sumUp() error {
	r := s.report()
	if s.opt.JSON {
		e := json.NewEncoder(s.opt.Out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return fmt.Errorf("printing the report: %w", err)
		}
		return nil
	}
	s.story.print("\n")
	for _, a := range r.Acts {
		s.story.print("%s", a.line())
	}
	s.story.print("%s", s.plot.moral())
	return nil
}

// line is an act in the story's words.
func (a Act) line() string {
	what := fmt.Sprintf("%4d ms without an answer", a.Outage.Milliseconds())
	switch {
	case a.Open:
		what = "no answer any more"
	case a.Outage == 0:
		what = "        nothing"
	case a.Elected > 0:
		what += fmt.Sprintf(", %d of them until another was elected", a.Elected.Milliseconds())
	}
	line := fmt.Sprintf("  %-52s %s\n", a.What, what)
	if a.Otherwise != "" {
		line += fmt.Sprintf("  %-52s %s\n", "", a.Otherwise)
	}
	return line
}

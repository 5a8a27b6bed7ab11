// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package exec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/vicar-ha/vicar/cloud"
)

// answer is what the program says.
type answer struct {
	Objects  []standing   `json:"objects"`
	Done     []netip.Addr `json:"done"`
	Findings []finding    `json:"findings"`
	Error    *refusal     `json:"error"`

	asked []cloud.Object
}

type standing struct {
	Address netip.Addr `json:"address"`
	Mine    *bool      `json:"mine"`
	Holder  string     `json:"holder"`
	Dead    bool       `json:"dead"`
}

type finding struct {
	What    string `json:"what"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
	Missing string `json:"missing"`
}

type refusal struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// kinds are those that an error may name.
var kinds = [...]cloud.Kind{cloud.Unavailable, cloud.Denied, cloud.NotFound, cloud.Conflict, cloud.Throttled, cloud.Invalid}

func (r *refusal) kind() cloud.Kind {
	at := slices.IndexFunc(kinds[:], func(k cloud.Kind) bool { return k.String() == r.Kind })
	if at < 0 {
		return cloud.Invalid
	}
	return kinds[at]
}

// parse reads the answer to an action on objects, strictly.
func parse(text []byte, action string, asked []cloud.Object) (*answer, error) {
	switch begin := bytes.TrimSpace(text); {
	case len(begin) == 0:
		return nil, errors.New("there is none")
	case begin[0] != '{':
		return nil, errors.New("it is not an object")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	a := &answer{asked: asked}
	if err := d.Decode(a); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something comes after the object")
	}
	return a, a.check(action)
}

// check wants what fits the action, and nothing else.
func (a *answer) check(action string) error {
	if e := a.Error; e != nil {
		if e.kind().String() != e.Kind {
			return fmt.Errorf("the kind of error %q is unknown", e.Kind)
		}
		e.Message = plain(e.Message)
	}
	writes := action == take || action == yield
	switch {
	case a.Objects != nil && action != observe, a.Done != nil && !writes, a.Findings != nil && action != examine:
		return fmt.Errorf("it does not fit the action %s", action)
	case a.Error != nil && !writes:
		return nil
	case action == observe:
		return a.checkObjects()
	case writes:
		return a.checkDone()
	}
	for i := range a.Findings {
		f := &a.Findings[i]
		if f.What == "" || !f.OK && f.Problem == "" {
			return errors.New("a finding without what was found")
		}
		f.What, f.Problem, f.Remedy, f.Missing = plain(f.What), plain(f.Problem), plain(f.Remedy), plain(f.Missing)
	}
	return nil
}

func (a *answer) checkObjects() error {
	seen := map[netip.Addr]bool{}
	for i := range a.Objects {
		s := &a.Objects[i]
		switch {
		case seen[s.Address]:
			return fmt.Errorf("%v twice", s.Address)
		case !a.askedFor(s.Address):
			return fmt.Errorf("%v, which was not asked about", s.Address)
		case s.Mine == nil:
			return fmt.Errorf("%v without saying whether it is this node's", s.Address)
		}
		seen[s.Address] = true
		s.Holder = plain(s.Holder)
	}
	for _, o := range a.asked {
		if !seen[o.Address] {
			return fmt.Errorf("nothing about %v", o.Address)
		}
	}
	return nil
}

func (a *answer) checkDone() error {
	for _, d := range a.Done {
		if !a.askedFor(d) {
			return fmt.Errorf("%v done, which was not asked for", d)
		}
	}
	for _, o := range a.asked {
		if a.Error == nil && !slices.Contains(a.Done, o.Address) {
			return fmt.Errorf("%v not done, and no error", o.Address)
		}
	}
	return nil
}

func (a *answer) askedFor(addr netip.Addr) bool {
	return slices.ContainsFunc(a.asked, func(o cloud.Object) bool { return o.Address == addr })
}

// ownership is how the objects stand, in the order in which they were asked about.
func (a *answer) ownership() []cloud.Ownership {
	var all []cloud.Ownership
	for _, o := range a.asked {
		at := slices.IndexFunc(a.Objects, func(s standing) bool { return s.Address == o.Address })
		s := a.Objects[at]
		all = append(all, cloud.Ownership{Object: o, Mine: *s.Mine, Holder: s.Holder, Dead: s.Dead})
	}
	return all
}

// partial is the error of a take or yield of which a part was done.
func (a *answer) partial(err error) error {
	if err == nil || len(a.Done) == 0 {
		return err
	}
	var done []cloud.Object
	for _, o := range a.asked {
		if slices.Contains(a.Done, o.Address) {
			done = append(done, o)
		}
	}
	return &cloud.Partial{Done: done, Err: err}
}

// mostText is how much of a program's text is shown.
const mostText = 500

// plain is what a terminal and a log can show.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= mostText {
		return s
	}
	cut := mostText
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "..."
}

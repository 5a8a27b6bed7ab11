// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package awsfake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// policy is an identity-based policy of IAM: what no statement allows is denied,
// and what one denies is denied whatever others allow.
type policy struct {
	statements []statement
}

type statement struct {
	allow      bool
	actions    []string
	resources  []string
	conditions []condition
}

// condition is one operator on one key: any of the values must match. Of several
// values in the request each one must match where all is set (ForAllValues), which
// a key that is not in the request passes; else a key that is not there fails.
type condition struct {
	key    string
	values []string
	like   bool
	all    bool
	negate bool
}

// access is a request as policies see it.
type access struct {
	action   string // "ec2:ReplaceRoute"
	resource string // an ARN, or "*" where the action has no resources
	keys     map[string][]string
	// What belongs to another account no policy of this one can allow.
	foreign bool
}

// parsePolicy reads a policy. What is in the grammar of IAM and not known here is an
// error: a policy is not to be found good by a fake that skips a part of it.
func parsePolicy(text string) (*policy, error) {
	if strings.TrimSpace(text) == "" {
		return &policy{}, nil
	}
	var doc struct {
		Version   string
		ID        string `json:"Id"`
		Statement oneOrMany[rawStatement]
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("parsing the policy: %w", err)
	}
	if doc.Version != "2012-10-17" {
		return nil, fmt.Errorf("the policy's version is %q, not 2012-10-17", doc.Version)
	}
	p := &policy{}
	for n, raw := range doc.Statement {
		s, err := raw.parse()
		if err != nil {
			return nil, fmt.Errorf("statement %d of the policy: %w", n, err)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

type rawStatement struct {
	Sid, Effect string
	Action      oneOrMany[string]
	Resource    oneOrMany[string]
	Condition   map[string]map[string]oneOrMany[string]
}

// oneOrMany is a value or a list of them, as IAM has it in many places.
type oneOrMany[T any] []T

// UnmarshalJSON reads either.
func (l *oneOrMany[T]) UnmarshalJSON(text []byte) error {
	read := func(v any) error {
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		return d.Decode(v)
	}
	if t := bytes.TrimSpace(text); len(t) > 0 && t[0] == '[' {
		var many []T
		err := read(&many)
		*l = many
		return err
	}
	var one T
	err := read(&one)
	*l = []T{one}
	return err
}

func (raw rawStatement) parse() (statement, error) {
	s := statement{allow: raw.Effect == "Allow", actions: raw.Action, resources: raw.Resource}
	if !s.allow && raw.Effect != "Deny" {
		return s, fmt.Errorf("effect %q", raw.Effect)
	}
	if len(s.actions) == 0 || len(s.resources) == 0 {
		return s, errors.New("no Action or no Resource")
	}
	for _, r := range s.resources {
		if r != "*" && !strings.HasPrefix(r, "arn:") {
			return s, fmt.Errorf("resource %q is neither an ARN nor *", r)
		}
	}
	for _, operator := range slices.Sorted(maps.Keys(raw.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(raw.Condition[operator])) {
			c := condition{key: strings.ToLower(key), values: raw.Condition[operator][key]}
			name, all := strings.CutPrefix(operator, "ForAllValues:")
			c.all = all
			switch name {
			case "StringEquals":
			case "StringNotEquals":
				c.negate = true
			case "StringLike", "ArnLike", "ArnEquals":
				c.like = true
			default:
				return s, fmt.Errorf("the condition %q is not known to this fake", operator)
			}
			s.conditions = append(s.conditions, c)
		}
	}
	return s, nil
}

// allows evaluates the policies of a principal.
func allows(policies []*policy, a access) bool {
	allowed := false
	if a.foreign {
		return false
	}
	for _, p := range policies {
		for _, s := range p.statements {
			if !s.matches(a) {
				continue
			}
			if !s.allow {
				return false
			}
			allowed = true
		}
	}
	return allowed
}

func (s statement) matches(a access) bool {
	return slices.ContainsFunc(s.actions, func(p string) bool { return glob(strings.ToLower(p), strings.ToLower(a.action)) }) &&
		slices.ContainsFunc(s.resources, func(p string) bool { return glob(p, a.resource) }) &&
		!slices.ContainsFunc(s.conditions, func(c condition) bool { return !c.holds(a.keys) })
}

func (c condition) holds(keys map[string][]string) bool {
	got, ok := keys[c.key]
	if !ok || len(got) == 0 {
		return c.all || c.negate
	}
	fits := func(v string) bool {
		return slices.ContainsFunc(c.values, func(want string) bool {
			if c.like {
				return glob(want, v)
			}
			return want == v
		}) != c.negate
	}
	if c.all {
		return !slices.ContainsFunc(got, func(v string) bool { return !fits(v) })
	}
	return slices.ContainsFunc(got, fits)
}

// glob matches * and ?, as policies and filters have them.
func glob(pattern, s string) bool {
	star, mark, p, n := -1, 0, 0, 0
	for n < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[n]):
			p++
			n++
		case star >= 0:
			mark++
			p, n = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

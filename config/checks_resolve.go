// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/checks"
)

// maxDefaultTimeout bounds the time-out of a check that doesn't say it.
const maxDefaultTimeout = 10 * time.Second

// checks resolves the checks.
func (r *reader) checks(file *rawFile, c *Config) knownChecks {
	known := make(knownChecks, len(file.Checks.entries))
	for _, e := range file.Checks.entries {
		r.checkName(e.key, e.name)
		v := &check{raw: &e.value, key: e.key}
		v.Name = e.name
		if e.value.present() {
			r.check(v, c)
			r.knownPool(e.value.Pool.Service, &file.Pools)
		}
		known[e.name] = v
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		c.Checks = append(c.Checks, known[name].Check)
	}
	return known
}

func (r *reader) check(v *check, c *Config) {
	raw := v.raw
	rise, fall := 2, 3
	if k := r.oneKind(v); k != nil {
		if k.certain() {
			rise, fall = 1, 1
		}
		r.kind(v, k, c)
	}
	v.Interval = raw.Interval.or(time.Second)
	v.Timeout = raw.Timeout.or(min(v.Interval, maxDefaultTimeout))
	v.Rise, v.Fall = raw.Rise.or(rise), raw.Fall.or(fall)
	v.Jitter = raw.Jitter.v
	v.InitialPass = raw.Initial.v == initialPass
	if v.Timeout > v.Interval && usable(raw.Interval.scalar) {
		r.warn(raw.Timeout.mark, fmt.Sprintf("the timeout %s is longer than the interval %s", shortDuration(v.Timeout), shortDuration(v.Interval)),
			"a look that takes longer than the interval makes the next one begin late")
	}
}

// oneKind is the check's kind, or nil with an error noted.
func (r *reader) oneKind(v *check) rawKind {
	kinds := v.raw.kinds()
	switch {
	case len(kinds) == 0 && !v.raw.misnamed && !v.raw.BFD.present() && !v.raw.Route.present() && !v.raw.Email.present():
		hint := "add one of " + kindsOfCheck + ", as in http: http://127.0.0.1/healthz"
		if v.raw.ofServer {
			hint = "add one of " + kindsOfServerCheck + ", as in http: /healthz"
		}
		r.bad(v.key, "it does not say what to look at", hint)
	case len(kinds) == 1:
		return kinds[0]
	}
	slices.SortFunc(kinds, func(a, b rawKind) int {
		return cmp.Or(cmp.Compare(a.place().line, b.place().line), cmp.Compare(a.place().column, b.place().column))
	})
	for _, k := range kinds[min(1, len(kinds)):] {
		r.bad(k.place(), fmt.Sprintf("the check has a kind already, on line %d", kinds[0].place().line), "make two checks of it, and track both")
	}
	return nil
}

// kind resolves what is looked at for each node.
func (r *reader) kind(v *check, k rawKind, c *Config) {
	from := &v.raw.From
	if from.present() && k.local() {
		r.bad(from.mark, "from is for checks that use the network", "remove it")
	}
	values := append(k.values(), &from.Address, &from.Interface)
	differ := false
	for _, b := range values {
		b.complete(r, c, "its value")
		differ = differ || b.differs()
	}
	if !differ {
		v.Kind = k.kind("", from.bind(""))
		r.reachableFrom(from, "", v.Kind)
		return
	}
	v.Kinds = make(map[string]checks.Kind)
	for _, n := range c.contenders() {
		v.Kinds[n.Name] = k.kind(n.Name, from.bind(n.Name))
		r.reachableFrom(from, n.Name, v.Kinds[n.Name])
	}
}

func (known knownChecks) didYouMean(name string) string {
	if len(known) == 0 {
		return "add it to the section checks"
	}
	return didYouMean(name, slices.Sorted(maps.Keys(known)), "the checks are ")
}

// NodeChecks are the checks as the node runs them, by name: those that a router
// or a sync group tracks. It is nil for a witness and an unknown node.
func (c *Config) NodeChecks(node string) []checks.Check {
	if !slices.ContainsFunc(c.contenders(), func(n Node) bool { return n.Name == node }) {
		return nil
	}
	tracked := make(map[string]bool)
	for _, v := range c.Routers {
		for _, t := range v.Tracks {
			tracked[t.Check] = true
		}
	}
	for _, g := range c.SyncGroups {
		for _, t := range g.Tracks {
			tracked[t.Check] = true
		}
	}
	var own []checks.Check
	for _, v := range c.Checks {
		if !tracked[v.Name] {
			continue
		}
		v.Kind = v.OnNode(node)
		own = append(own, v.Check)
	}
	return own
}

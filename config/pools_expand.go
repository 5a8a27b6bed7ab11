// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/vicar-ha/vicar/checks"
)

// fill puts a server's address into the texts, or returns false with an error
// noted.
func (c *serverCheck) fill(r *reader, a netip.AddrPort) bool {
	host := a.Addr().String()
	inURL, server := host, serverName(a)
	if a.Addr().Is6() {
		inURL = "[" + host + "]"
		if a.Port() == 0 {
			server = inURL
		}
	}
	words := strings.NewReplacer("{server}", server, "//{host}", "//"+inURL, "{host}:", inURL+":",
		"{host}", host, "{port}", strconv.Itoa(int(a.Port())))
	for _, s := range c.slots {
		if a.Port() == 0 && strings.Contains(s.text, "{port}") {
			r.bad(r.at(s.node, c.key.path), "the server has no port that {port} could stand for", "write the port that is looked at, or the server's")
			return false
		}
		s.node.Value = words.Replace(s.text)
	}
	return true
}

// names are the checks' names: their kinds, with a number from the second of a
// kind on.
func (c *serverChecks) names(all []Check) {
	seen := make(map[string]int)
	for i := range all {
		kind := all[i].kindName()
		if seen[kind]++; seen[kind] > 1 {
			all[i].Name = kind + "-" + strconv.Itoa(seen[kind])
		} else {
			all[i].Name = kind
		}
	}
}

// of are the checks of a server, or false with an error noted.
func (c *serverChecks) of(r *reader, a netip.AddrPort, cfg *Config) ([]Check, bool) {
	var all []Check
	before := len(r.errors)
	for _, item := range c.items {
		if !item.fill(r, a) {
			continue
		}
		var raw rawServerCheck
		raw.decode(r, item.key, item.node)
		v := &check{raw: &raw.rawCheck, key: item.key}
		if raw.present() {
			r.check(v, cfg)
		}
		if raw.Dynamic.v {
			v.Kind = dynamic(v.Kind)
			for node, k := range v.Kinds {
				v.Kinds[node] = dynamic(k)
			}
		}
		all = append(all, v.Check)
	}
	if len(r.errors) > before {
		return nil, false
	}
	c.names(all)
	return all, true
}

// sampleServer stands for a server that does not exist.
func sampleServer(family int) netip.AddrPort {
	if family == 6 {
		return netip.MustParseAddrPort("[2001:db8::1]:80")
	}
	return netip.MustParseAddrPort("192.0.2.1:80")
}

// unfilled is a text in which the sample server's address is what stands for it.
func unfilled(text string, family int) string {
	a := sampleServer(family)
	return strings.NewReplacer(a.String(), "{server}", a.Addr().String(), "{host}").Replace(text)
}

// expand gives each server its checks. An error of theirs is noted once.
func (c *serverChecks) expand(r *reader, p *Pool, cfg *Config, family int) {
	quiet := *r
	quiet.errors = nil
	var ok bool
	p.sample, ok = c.of(&quiet, sampleServer(family), cfg)
	r.warnings = quiet.warnings
	if !ok {
		for _, e := range quiet.errors {
			e.Message, e.Hint = unfilled(e.Message, family), unfilled(e.Hint, family)
			r.errors = append(r.errors, e)
		}
		return
	}
	p.dynamic = slices.ContainsFunc(p.sample, isDynamic)
	for i := range p.Servers {
		s := &p.Servers[i]
		quiet.errors, quiet.warnings = nil, nil
		checks, ok := c.of(&quiet, s.Address, cfg)
		if !ok {
			for _, e := range quiet.errors {
				e.Message = "for the server " + s.Name + ": " + e.Message
				r.errors = append(r.errors, e)
			}
			return
		}
		for _, v := range checks {
			v.Name = p.Name + "/" + s.Name + "/" + v.Name
			s.Checks = append(s.Checks, v.Name)
			p.Checks = append(p.Checks, v)
		}
	}
}

// isDynamic tells whether the check finds weights.
func isDynamic(c Check) bool {
	kind := c.Kind
	for _, k := range c.Kinds {
		kind = k
	}
	switch k := kind.(type) {
	case checks.Exec:
		return k.Dynamic
	case checks.File:
		return k.Dynamic
	case checks.HTTP:
		return k.Dynamic
	}
	return false
}

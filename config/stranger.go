// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// stranger is a section that knows what is meant by some keys that it has not.
type stranger interface {
	// stranger notes an error for p, one of the section's pairs, or returns
	// false.
	stranger(r *reader, all []pair, p pair) bool
}

// stranger tells of a kind's key that stands beside the kind.
func (c *rawCheck) stranger(r *reader, all []pair, p pair) bool {
	own := make(map[string]reflect.Value)
	names := tagged(reflect.ValueOf(c).Elem(), own, nil)
	if p.name == "https" {
		c.misnamed = true
		hint := "write http: with an https URL"
		if s, ok := p.value.(*ast.StringNode); ok && !strings.HasPrefix(s.Value, "http:") {
			hint = "write http: " + shown("https://"+strings.TrimPrefix(strings.TrimPrefix(s.Value, "https:"), "//"))
		}
		r.bad(p.key, "https is a URL's scheme, not a kind", hint)
		return true
	}
	for _, other := range all {
		field, known := own[other.name]
		if !known || !isKindKey(field) {
			continue
		}
		below := tagged(field, make(map[string]reflect.Value), nil)
		name := p.name
		if !slices.Contains(below, name) {
			name = elsewhereCheck(strings.ToLower(p.name))
		}
		if !slices.Contains(below, name) || maybe(p.name, names) != "" {
			continue
		}
		r.bad(p.key, p.name+" belongs to "+other.name, "write "+other.name+": {"+mainKey(other.name, below)+": ..., "+name+": ...}")
		return true
	}
	if p.name == "dynamic" {
		r.bad(p.key, "dynamic is for the checks of a pool's servers", "remove it, or move the check to checks in a pool")
		return true
	}
	word := elsewhere(p.name, names)
	if field, known := own[word]; known && isKindKey(field) {
		c.misnamed = true
	}
	return false
}

func isKindKey(field reflect.Value) bool {
	_, is := reflect.TypeAssert[rawKind](field.Addr())
	return is
}

// mainKey is what a kind can't be without: what its short form stands for.
func mainKey(kind string, keys []string) string {
	if kind == "dns" {
		return "server: ..., name"
	}
	return keys[0]
}

// stranger tells where what keepalived has in an instance is here.
func (t *rawRouter) stranger(r *reader, _ []pair, p pair) bool { return r.instanceWord(p) }

// stranger does so for a keepalived sync group.
func (g *rawGroup) stranger(r *reader, _ []pair, p pair) bool { return r.instanceWord(p) }

func (r *reader) instanceWord(p pair) bool {
	hint := ""
	switch word := strings.ToLower(p.name); word {
	case "nopreempt":
		hint = "write preempt: false in the router"
	case "preempt_delay":
		hint = "write preempt: with the delay, as in preempt: 30s"
		if delay := p.value; delay != nil && isDecimal(delay.GetToken().Value) {
			hint = "write preempt: " + delay.GetToken().Value + "s"
		}
	case "state":
		hint = "remove it: every node begins as a Backup, and the priority decides"
	case "unicast_peer", "unicast_src_ip":
		hint = "write transport: {kind: unicast} at the top; the peers are the other nodes' addresses"
	case "mcast_src_ip":
		hint = "write the host's address in nodes"
	case "notify", "notify_script":
		hint = hookHint("")
	case "notify_master", "notify_backup", "notify_fault", "notify_stop":
		hint = hookHint("on: " + strings.Replace(strings.TrimPrefix(word, "notify_"), "master", "active", 1) + ", ")
	case "smtp_alert":
		hint = "there is no e-mail; " + hookHint("")
	case "use_vmac", "use_ipvlan", "dont_track_primary", "track_src_ip", "accept", "debug":
		hint = "remove it; vicar has no such choice"
	default:
		if !strings.HasPrefix(word, "garp_") {
			return false
		}
		hint = "see announce, as in announce: {repeat: 5, delay: 1s, refresh: 1m}"
	}
	r.bad(p.key, "unknown key", hint)
	return true
}

func hookHint(on string) string {
	return "add it to hooks at the top, as in hooks: [{" + on + "exec: [/usr/local/bin/on-change]}]"
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/vicar-ha/vicar/vip"
)

// rawHook is an item of hooks.
type rawHook struct {
	mark
	On      oneOrMore[eventKind] `yaml:"on" jsonschema_description:"What it is told of: one or more of active, backup, fault, stop, take_over and give_up of routers, and quorum_up, quorum_down, server_up and server_down of pools. Default active, backup, fault and stop."`
	Routers oneOrMore[text]      `yaml:"routers" jsonschema_description:"The routers that it is told of. Default: all."`
	Pools   oneOrMore[text]      `yaml:"pools" jsonschema_description:"The pools that it is told of. Default: all."`
	Exec    argv                 `yaml:"exec" jsonschema_description:"A program's absolute path and its arguments; it reads the event as JSON from its standard input. There is no shell."`
	Webhook httpURL              `yaml:"webhook" jsonschema_description:"A URL that the event is posted to as JSON."`
	User    userName             `yaml:"user" jsonschema_description:"exec: the account it runs as. Default: the agent's own."`
	Header  headers              `yaml:"header" jsonschema_description:"webhook: header fields of the request, by name."`
	Timeout hookTimeout          `yaml:"timeout" jsonschema_description:"How long it may take. 100ms to 5m, default 10s."`
}

func (h *rawHook) decode(r *reader, key mark, n ast.Node) {
	h.mark = key
	r.fields(key, n, h)
	switch {
	case !isMapping(n):
	case !h.Exec.present() && !h.Webhook.present():
		r.bad(key, "nobody is told", "add exec: with a program, or webhook: with a URL")
	case h.Exec.present() && h.Webhook.present():
		r.bad(h.Webhook.mark, fmt.Sprintf("the hook has exec already, on line %d", h.Exec.line), "make two hooks of it")
	case h.Exec.present() && h.Header.present():
		r.bad(h.Header.mark, "header is for webhook", "remove it")
	case h.Webhook.present() && h.User.present():
		r.bad(h.User.mark, "user is for exec", "remove it")
	}
	if h.On.present() && !h.On.refused && len(h.On.items) == 0 {
		r.bad(h.On.mark, "there is no event", "write what it is told of, as in [active, backup], or remove the key")
	}
	if h.Routers.present() && !h.Routers.refused && len(h.Routers.items) == 0 {
		r.bad(h.Routers.mark, "there is no router", "name one, or remove the key: then it is told of all")
	}
	if h.Pools.present() && !h.Pools.refused && len(h.Pools.items) == 0 {
		r.bad(h.Pools.mark, "there is no pool", "name one, or remove the key: then it is told of all")
	}
}

// eventKind is what a hook is told of.
type eventKind struct{ text }

// events are those that a hook can be told of.
var events = []string{
	string(vip.BecameActive), string(vip.BecameBackup), string(vip.Faulted),
	string(vip.Stopped), string(vip.TookOver), string(vip.GivesUp),
	string(vip.QuorumUp), string(vip.QuorumDown), string(vip.ServerUp), string(vip.ServerDown),
}

// routerEvents are the first of them; the others are pools'.
const routerEvents = 6

func ofPool(event string) bool { return slices.Index(events, event) >= routerEvents }

// defaultEvents are the transitions.
const defaultEvents = 4

func (e *eventKind) decode(r *reader, key mark, n ast.Node) {
	e.choice(r, key, n, events...)
}

type hookTimeout struct{ duration }

func (v *hookTimeout) decode(r *reader, key mark, n ast.Node) {
	v.decodeRange(r, key, n, 100*time.Millisecond, 5*time.Minute)
}

const (
	defaultHookTimeout = 10 * time.Second
	// giveUpWait is the longest that the agent waits for those who are told
	// before it gives up.
	giveUpWait = 2 * time.Second
)

// hooks resolves the hooks.
func (r *reader) hooks(file *rawFile, c *Config) []Hook {
	var hooks []Hook
	for _, raw := range file.Hooks.items {
		h := Hook{
			Exec: raw.Exec.values(), User: raw.User.v,
			Webhook: raw.Webhook.v, Header: raw.Header.values(),
			Timeout: raw.Timeout.or(defaultHookTimeout),
		}
		r.hookEvents(raw, &h)
		h.Routers = r.hookNames(raw.Routers, func(name text) bool { return r.knownRouter(name, c) })
		h.Pools = r.hookNames(raw.Pools, func(name text) bool { return r.knownPool(name, &file.Pools) })
		r.hookSubjects(raw, file)
		hooks = append(hooks, h)
	}
	return hooks
}

// hookNames are whose events these are.
func (r *reader) hookNames(names oneOrMore[text], known func(text) bool) []string {
	var taken []string
	for _, name := range names.items {
		switch {
		case !name.ok || !known(*name):
		case slices.Contains(taken, name.v):
			r.bad(name.mark, name.v+" is there already", "remove one of them")
		default:
			taken = append(taken, name.v)
		}
	}
	return taken
}

// hookSubjects checks that there are events of what the hook names.
func (r *reader) hookSubjects(raw *rawHook, file *rawFile) {
	const remedy = "remove it, or add on: with one of "
	routers, pools := !raw.On.present(), false
	for _, e := range raw.On.items {
		if !e.ok {
			return
		}
		routers, pools = routers || !ofPool(e.v), pools || ofPool(e.v)
	}
	switch {
	case raw.On.refused || raw.On.present() && len(raw.On.items) == 0:
	case raw.Routers.present() && !routers:
		r.bad(raw.Routers.mark, "the hook is told of nothing that happens to routers", remedy+strings.Join(events[:routerEvents], ", "))
	case raw.Pools.present() && !pools:
		r.bad(raw.Pools.mark, "the hook is told of nothing that happens to pools", remedy+strings.Join(events[routerEvents:], ", "))
	case pools && len(file.Pools.entries) == 0:
		r.warn(raw.On.mark, "there is no pool", "add the section pools, or remove the pools' events")
	}
}

func (r *reader) hookEvents(raw *rawHook, h *Hook) {
	if !raw.On.present() {
		for _, e := range events[:defaultEvents] {
			h.On = append(h.On, vip.EventKind(e))
		}
	}
	seen := make(map[string]bool)
	for _, e := range raw.On.items {
		if e.ok && seen[e.v] {
			r.bad(e.mark, e.v+" is there already", "remove one of them")
			continue
		}
		seen[e.v] = true
		h.On = append(h.On, vip.EventKind(e.v))
	}
	if seen[string(vip.GivesUp)] && raw.Timeout.ok && h.Timeout > giveUpWait {
		r.warn(raw.Timeout.mark, fmt.Sprintf("the timeout of a hook on %s is %s", vip.GivesUp, shortDuration(h.Timeout)),
			"the agent waits "+shortDuration(giveUpWait)+" at most before it gives up; write timeout: "+shortDuration(giveUpWait))
	}
}

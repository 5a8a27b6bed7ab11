// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// rawGroup is an entry of sync_groups: a list of routers, or a mapping.
type rawGroup struct {
	mark
	Routers list[text]     `yaml:"routers" jsonschema:"required" jsonschema_description:"The routers that move together, by name."`
	Track   list[rawTrack] `yaml:"track" jsonschema_description:"Checks that move all routers of the group, as in a router."`
}

func (g *rawGroup) decode(r *reader, key mark, n ast.Node) {
	g.mark = key
	if !isMapping(n) {
		r.value(&g.Routers, key, n)
		return
	}
	r.fields(key, n, g)
	if !g.Routers.present() {
		r.bad(key, "routers is missing", "list the routers that move together, as in {routers: [web, api]}")
	}
}

// group is a SyncGroup with what the file says of it.
type group struct {
	SyncGroup
	raw    *rawGroup
	key    mark
	tracks []tracked
}

// groups resolves the sync groups and returns them by name.
func (r *reader) groups(file *rawFile, c *Config, known knownChecks) []group {
	groups := make([]group, 0, len(file.SyncGroups.entries))
	type use struct {
		group string
		at    mark
	}
	users := make(map[string]use)
	for _, e := range file.SyncGroups.entries {
		r.checkName(e.key, e.name)
		g := group{raw: &e.value, key: e.key, tracks: r.tracks(e.value.Track, known)}
		g.Name, g.Tracks = e.name, plainTracks(g.tracks)
		for _, m := range e.value.Routers.items {
			if !m.ok || !r.knownRouter(*m, c) {
				continue
			}
			first, used := users[m.v]
			switch {
			case used && first.group == e.name:
				r.bad(m.mark, fmt.Sprintf("%s is already on line %d", m.v, first.at.line), "remove one of them")
				continue
			case used:
				r.bad(m.mark, fmt.Sprintf("router %s is already in the sync group %s on line %d", m.v, first.group, first.at.line), "a router is in one sync group alone")
				continue
			}
			users[m.v] = use{e.name, m.mark}
			g.Routers = append(g.Routers, m.v)
		}
		r.memberCount(g)
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.Name, b.Name) })
	return groups
}

func (r *reader) memberCount(g group) {
	list := g.raw.Routers
	switch {
	case !list.present() || list.refused:
	case len(list.items) == 0:
		r.bad(list.mark, "there is no router", "list the routers that move together, as in [web, api]")
	case len(list.items) == 1:
		r.warn(list.mark, "there is only one router", "a sync group has two or more; one alone moves alone anyway")
	}
}

func (r *reader) knownRouter(name text, c *Config) bool {
	names := make([]string, len(c.Routers))
	for i, v := range c.Routers {
		names[i] = v.Name
	}
	if slices.Contains(names, name.v) {
		return true
	}
	r.bad(name.mark, "no router is called "+shown(name.v), didYouMean(name.v, names, "the routers are "))
	return false
}

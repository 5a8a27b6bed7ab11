// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/vicar-ha/vicar/pool"
)

// What a host has room for.
const (
	maxPools   = 1000
	maxServers = 65536 // of all pools
)

// poolBuild is a Pool while it is resolved, with what the file says of it.
type poolBuild struct {
	Pool
	raw *rawPool
	key mark
	// listen are the places of Frontends, marks those of Servers.
	listen []mark
	marks  map[netip.AddrPort]spot
	raws   map[string]*rawServer // by the servers' names
	beyond *reader               // of the servers' file, or nil
	sum    int                   // of the servers' weights
}

// spot is where something stands, maybe in another file.
type spot struct {
	file string
	at   mark
}

// seen is the spot as it is told of in this reader's file.
func (r *reader) seen(s spot) string {
	if s.file == r.file {
		return fmt.Sprintf("on line %d", s.at.line)
	}
	return fmt.Sprintf("on line %d of %s", s.at.line, s.file)
}

// pools resolves the pools.
func (r *reader) pools(file *rawFile, c *Config) {
	total := 0
	built := make([]*poolBuild, 0, len(file.Pools.entries))
	for _, e := range file.Pools.entries {
		r.checkName(e.key, e.name)
		p := &poolBuild{raw: &e.value, key: e.key, marks: make(map[netip.AddrPort]spot), raws: make(map[string]*rawServer)}
		p.Name = e.name
		if e.value.present() {
			r.pool(p, c)
		}
		if total += len(p.Servers); total > maxServers {
			r.bad(e.key, fmt.Sprintf("with this pool there are %d servers", total), fmt.Sprintf("all pools together have %d at most", maxServers))
			break
		}
		built = append(built, p)
	}
	if n := len(file.Pools.entries); n > maxPools {
		r.bad(file.Pools.mark, fmt.Sprintf("there are %d pools", n), fmt.Sprintf("%d are the most", maxPools))
	}
	r.distinctFrontends(built)
	for _, p := range built {
		r.held(p, c)
		c.Pools = append(c.Pools, p.Pool)
	}
	slices.SortFunc(c.Pools, func(a, b Pool) int { return cmp.Compare(a.Name, b.Name) })
}

// knownPool notes an error unless the name is a pool's.
func (r *reader) knownPool(name text, pools *named[rawPool]) bool {
	if !name.ok {
		return false
	}
	names := make([]string, 0, len(pools.entries))
	for _, e := range pools.entries {
		names = append(names, e.name)
	}
	if slices.Contains(names, name.v) {
		return true
	}
	hint := "add it to the section pools"
	if len(names) > 0 {
		slices.Sort(names)
		hint = didYouMean(name.v, names, "the pools are ")
	}
	r.bad(name.mark, "no pool is called "+shown(name.v), hint)
	return false
}

// pool resolves one.
func (r *reader) pool(p *poolBuild, c *Config) {
	raw := p.raw
	p.Plane = pool.PlaneKind(raw.Plane.or(string(pool.IPVS)))
	r.listens(p)
	r.scheduling(p)
	if raw.With.ok && r.knownRouter(raw.With, c) {
		p.With = raw.With.v
	}
	p.Alpha = raw.Initial.v != initialUp
	p.Keep = raw.AtStop.v == atStopKeep
	p.Omega = raw.TellAtStop.v
	p.DrainLimit = raw.DrainLimit.v
	r.servers(p)
	r.sorry(p)
	r.loops(p, c)
	raw.Checks.expand(r, &p.Pool, c, p.family())
	r.quorum(p)
	r.lacks(p)
	if p.beyond != nil {
		r.beyond = append(r.beyond, p.beyond.errors.sorted()...)
	}
	if len(raw.Checks.items) == 0 && !raw.Checks.present() {
		r.warn(p.key, "nothing looks at the servers, so all are always up", "add checks, as in checks: [tcp]")
	}
}

// family is that of the frontends.
func (p *poolBuild) family() int {
	if len(p.Frontends) > 0 && !p.Frontends[0].Is4() {
		return 6
	}
	return 4
}

// listens takes the frontends.
func (r *reader) listens(p *poolBuild) {
	raw := &p.raw.Listen
	const example = "say where clients connect to, as in listen: 192.0.2.100:80"
	switch {
	case !raw.present():
		r.bad(p.key, "listen is missing", example)
	case !raw.refused && len(raw.items) == 0:
		r.bad(raw.mark, "there is no address", example)
	}
	for _, l := range raw.items {
		if !l.ok {
			continue
		}
		p.Frontends, p.listen = append(p.Frontends, l.frontend), append(p.listen, l.mark)
		if l.frontend.Is4() != p.Frontends[0].Is4() {
			r.bad(l.mark, "the pool listens on both families", "make two pools of it, one with each family's servers")
			return
		}
	}
}

// scheduling takes how servers are chosen.
func (r *reader) scheduling(p *poolBuild) {
	raw := p.raw
	p.Scheduler = pool.WLC
	if p.Plane == pool.NFTables {
		p.Scheduler = pool.WRR
	}
	if raw.Scheduler.ok {
		p.Scheduler = pool.Scheduler(raw.Scheduler.v)
	}
	hashes := p.Scheduler == pool.SH || p.Scheduler == pool.MH
	for _, f := range raw.Flags.items {
		switch {
		case !f.ok || !usable(raw.Scheduler.scalar):
		case !hashes:
			r.bad(f.mark, f.v+" is for the schedulers sh and mh", "remove it, or write scheduler: mh")
		case f.v == flagFallback:
			p.Fallback = true
		default:
			p.Port = true
		}
	}
	p.Persistence = raw.Persistence.value()
	if p.Persistence.Timeout > 0 && (p.Scheduler == pool.FO || p.Scheduler == pool.OVF) {
		r.warn(raw.Persistence.mark, fmt.Sprintf("with %s the heaviest server is to have the clients, and persistence leaves them where they were", p.Scheduler),
			"remove one of them, unless that is meant")
	}
	p.OnePacket = raw.OnePacket.v
}

// quorum checks what must be up against what there is.
func (r *reader) quorum(p *poolBuild) {
	raw := p.raw
	p.Quorum, p.Hysteresis = raw.Quorum.or(1), raw.Hysteresis.v
	if !usable(raw.Quorum.scalar) || !usable(raw.Hysteresis.scalar) {
		return
	}
	if p.Hysteresis >= p.Quorum {
		r.bad(raw.Hysteresis.mark, fmt.Sprintf("hysteresis is %d and quorum %d", p.Hysteresis, p.Quorum), "hysteresis is less than quorum")
		return
	}
	at := raw.Quorum.mark
	if !at.present() {
		at = p.key
	}
	needs := fmt.Sprintf("quorum is %d", p.Quorum)
	if p.Hysteresis > 0 {
		needs = fmt.Sprintf("quorum and hysteresis together are %d", p.Quorum+p.Hysteresis)
	}
	switch {
	case p.Quorum+p.Hysteresis <= p.sum || p.dynamic || len(p.Servers) == 0:
	case p.ServersFile != "":
		r.warn(at, fmt.Sprintf("%s, and the weights of all servers together %d", needs, p.sum), "the pool has its quorum once the servers' file has more")
	default:
		r.bad(at, fmt.Sprintf("%s, and the weights of all servers together %d", needs, p.sum), "the pool could never be up; write less, or more weight")
	}
}

// frontendUse is a frontend and whose it is.
type frontendUse struct {
	pool.Frontend
	pool *poolBuild
	at   mark
}

// distinctFrontends checks that what clients connect to is in one pool alone.
func (r *reader) distinctFrontends(pools []*poolBuild) {
	marked := make(map[pool.Frontend]frontendUse)
	placed := make(map[pool.Protocol][]frontendUse)
	for _, p := range pools {
		for i, f := range p.Frontends {
			use := frontendUse{f, p, p.listen[i]}
			first, twice := marked[f]
			switch {
			case f.Mark != 0 && twice:
				r.overlap(first, use)
			case f.Mark != 0:
				marked[f] = use
			default:
				placed[f.Protocol] = append(placed[f.Protocol], use)
			}
		}
	}
	for _, protocol := range slices.Sorted(maps.Keys(placed)) {
		uses := placed[protocol]
		slices.SortStableFunc(uses, func(a, b frontendUse) int { return a.First.Compare(b.First) })
		for i, a := range uses {
			for _, b := range uses[i+1:] {
				if a.Last.Less(b.First) {
					break
				}
				if portsOverlap(a, b) {
					r.overlap(a, b)
				}
			}
		}
	}
}

// portsOverlap tells whether two frontends have a port in common. IPVS looks for
// the port itself first, and for every port after that.
func portsOverlap(a, b frontendUse) bool {
	everyA, everyB := a.FirstPort == 0, b.FirstPort == 0
	switch {
	case everyA && everyB:
		return true
	case everyA || everyB:
		return a.pool.Plane != pool.IPVS || b.pool.Plane != pool.IPVS
	default:
		return a.FirstPort <= b.LastPort && b.FirstPort <= a.LastPort
	}
}

func (r *reader) overlap(a, b frontendUse) {
	if b.at.line < a.at.line || b.at.line == a.at.line && b.at.column < a.at.column {
		a, b = b, a
	}
	whose := "the pool's own"
	if a.pool != b.pool {
		whose = "that of pool " + a.pool.Name
	}
	if a.Frontend == b.Frontend {
		r.bad(b.at, fmt.Sprintf("%s is already %s on line %d", b.Frontend, whose, a.at.line), "remove one of them")
		return
	}
	r.bad(b.at, fmt.Sprintf("%s has something in common with %s, %s on line %d", b.Frontend, a.Frontend, whose, a.at.line), "an address and port is in one pool alone")
}

// held warns of an address that packets can't reach: nobody has it.
func (r *reader) held(p *poolBuild, c *Config) {
	holders := make(map[netip.Addr]string)
	for _, n := range c.Nodes {
		for _, a := range n.Addresses {
			holders[a] = ""
		}
	}
	for _, v := range c.Routers {
		for _, q := range slices.Concat(v.Addresses, v.Exclude) {
			holders[q.Addr()] = v.Name
		}
	}
	for i, f := range p.Frontends {
		for a := f.First; a.IsValid(); a = a.Next() {
			router, held := holders[a]
			switch {
			case !held:
				r.warn(p.listen[i], "no router holds "+a.String(), "add it to addresses or exclude of a router, unless the network brings it here by itself")
			case p.With != "" && router != "" && router != p.With && !c.sameGroup(router, p.With):
				r.warn(p.listen[i], fmt.Sprintf("router %s holds %s, and the pool is bound to router %s", router, a, p.With), "write with: "+router+", or put both routers into a sync group")
			case a != f.Last:
				continue
			}
			break
		}
	}
}

// sameGroup tells whether two routers move together.
func (c *Config) sameGroup(a, b string) bool {
	return slices.ContainsFunc(c.SyncGroups, func(g SyncGroup) bool {
		return slices.Contains(g.Routers, a) && slices.Contains(g.Routers, b)
	})
}

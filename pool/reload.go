// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/vicar-ha/vicar/track"
)

// Reload puts other services and another synchronisation in use, by difference: what is not
// changed keeps its state, its ramp and its connections. changes says in words
// what was, sorted. It returns when the services are in use, which may be before
// they are programmed; if they are wrong, nothing is changed.
func (p *Pool) Reload(ctx context.Context, services []Service, sync *Sync) (changes []string, err error) {
	if err := check(services, p.cfg.Planes, sync, p.cfg.Daemon); err != nil {
		return nil, fmt.Errorf("pool: %w", err)
	}
	reply := make(chan error, 1)
	var done []string // read only after the answer: the loop may come to it later
	p.inbox.put(func(l *loop) {
		if l.stopping {
			reply <- ErrEnded
			return
		}
		done = l.reload(services, sync)
		reply <- nil
	})
	if err := p.wait(ctx, reply); err != nil {
		return nil, err
	}
	return done, nil
}

// reload puts services in use.
func (l *loop) reload(services []Service, sync *Sync) (changes []string) {
	now := time.Now()
	old := maps.Clone(l.services)
	l.board.setBound(services, sync)
	for _, cfg := range services {
		u := old[cfg.Name]
		delete(old, cfg.Name)
		if u == nil {
			changes = append(changes, "pool "+cfg.Name+": added")
			l.add(newService(cfg, now))
			l.board.set(cfg.Name, track.Undecided, "no result yet")
			continue
		}
		for _, words := range u.reload(cfg, now) {
			changes = append(changes, "pool "+cfg.Name+": "+words)
		}
		s := u.service
		if u.plane != cfg.Plane {
			l.drop(u)
		}
		l.add(s)
		l.drainedNow(l.services[cfg.Name])
	}
	for name, u := range old {
		changes = append(changes, "pool "+name+": removed")
		l.drop(u)
		delete(l.services, name)
		l.board.drop(name)
	}
	changes = append(changes, l.reloadSync(sync)...)
	l.index()
	maps.DeleteFunc(l.latest, func(check string, _ track.Result) bool { return l.users[check] == nil })
	l.judgeAll(now)
	slices.Sort(changes)
	return changes
}

// drop makes a unit one that is to be removed.
func (l *loop) drop(u *unit) {
	u.service, u.wanted = nil, false
	l.touched[u] = true
}

func (l *loop) reloadSync(s *Sync) []string {
	old := l.sync.now
	if reflect.DeepEqual(old, s) {
		return nil
	}
	l.setSync(s)
	switch {
	case old == nil:
		return []string{"ipvs sync: added"}
	case s == nil:
		return []string{"ipvs sync: removed"}
	default:
		return []string{"ipvs sync: changed"}
	}
}

// reload takes another configuration and says what it changes. Servers that stay
// keep how they stand, by name and address.
func (s *service) reload(cfg Service, now time.Time) (changes []string) {
	changes = s.cfg.changes(cfg)
	old := make(map[string]*server, len(s.servers))
	for _, x := range s.servers {
		old[x.Name] = x
	}
	s.cfg, s.servers = cfg, make([]*server, 0, len(cfg.Servers))
	for _, c := range cfg.Servers {
		x := old[c.Name]
		if x == nil || x.Address != c.Address {
			if x == nil {
				changes = append(changes, "server "+c.Name+" added")
				x = newServer(c, cfg.Alpha, now)
				if s.back(c.Name) {
					x.drain, x.out = drained, now
					changes = append(changes, "server "+c.Name+" is drained still, until it is undrained")
				}
			} else {
				changes = append(changes, fmt.Sprintf("server %s: address %v to %v", c.Name, x.Address, c.Address))
				fresh := newServer(c, cfg.Alpha, now)
				fresh.drain, fresh.out = x.drain, x.out
				x = fresh
			}
		} else if words := x.changes(c); words != "" {
			changes = append(changes, "server "+c.Name+": "+words)
			if x.full == x.Weight {
				x.full = c.Weight
			}
			x.Server = c
		}
		if !x.decided && !x.left {
			x.up = !cfg.Alpha
		}
		delete(old, c.Name)
		s.servers = append(s.servers, x)
	}
	for _, name := range slices.Sorted(maps.Keys(old)) {
		changes = append(changes, "server "+name+" removed")
		if old[name].drain != serving {
			s.leave(name)
		}
	}
	slices.Sort(changes)
	return changes
}

// changes says what another configuration changes, but for the servers.
func (s *Service) changes(to Service) (changes []string) {
	differ := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			changes = append(changes, fmt.Sprintf("%s %v to %v", what, a, b))
		}
	}
	differ("frontends", shownFrontends(s.Frontends), shownFrontends(to.Frontends))
	differ("plane", s.Plane, to.Plane)
	differ("scheduler", s.Scheduler, to.Scheduler)
	differ("flag fallback", s.Fallback, to.Fallback)
	differ("flag port", s.Port, to.Port)
	differ("one packet", s.OnePacket, to.OnePacket)
	differ("persistence", s.Persistence, to.Persistence)
	differ("quorum", s.Quorum, to.Quorum)
	differ("hysteresis", s.Hysteresis, to.Hysteresis)
	differ("alpha", s.Alpha, to.Alpha)
	differ("omega", s.Omega, to.Omega)
	differ("with", orNone(s.With), orNone(to.With))
	differ("keep", s.Keep, to.Keep)
	differ("drain limit", s.DrainLimit, to.DrainLimit)
	switch {
	case s.Sorry == nil && to.Sorry != nil:
		changes = append(changes, "sorry server "+to.Sorry.Name+" added")
	case s.Sorry != nil && to.Sorry == nil:
		changes = append(changes, "sorry server "+s.Sorry.Name+" removed")
	case s.Sorry != nil && !reflect.DeepEqual(s.Sorry, to.Sorry):
		changes = append(changes, "sorry server "+s.Sorry.Name+" to "+to.Sorry.Name)
	}
	return changes
}

// changes says what another configuration of the server changes.
func (s *Server) changes(to Server) string {
	var changes []string
	differ := func(what string, a, b any) {
		if !reflect.DeepEqual(a, b) {
			changes = append(changes, fmt.Sprintf("%s %v to %v", what, a, b))
		}
	}
	differ("weight", s.Weight, to.Weight)
	differ("forward", s.Forward, to.Forward)
	differ("tunnel", s.Tunnel, to.Tunnel)
	differ("upper", s.Upper, to.Upper)
	differ("lower", s.Lower, to.Lower)
	differ("inhibit", s.Inhibit, to.Inhibit)
	differ("slow start", s.SlowStart, to.SlowStart)
	if !slices.Equal(s.Checks, to.Checks) {
		changes = append(changes, "other checks")
	}
	return strings.Join(changes, ", ")
}

func shownFrontends(list []Frontend) string {
	words := make([]string, len(list))
	for i, f := range list {
		words[i] = f.String()
	}
	return strings.Join(words, ", ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

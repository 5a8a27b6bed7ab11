// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vip"
)

// news is something that happened to a service or to one of its servers.
type news struct {
	kind              vip.EventKind
	server            string // empty: it is the service's quorum
	state, from, text string
}

// service is how a virtual service stands: results in, destinations and news
// out. It is pure: time comes in.
type service struct {
	cfg     Service
	servers []*server // in cfg's order
	away    []string  // names of drained servers that it does not have now, in the order in which they left
	quorum  track.State
	cause   string
	since   time.Time
	alive   int
	news    []news // not yet told
}

func newService(cfg Service, now time.Time) *service {
	s := &service{cfg: cfg, since: now}
	for _, c := range cfg.Servers {
		s.servers = append(s.servers, newServer(c, cfg.Alpha, now))
	}
	return s
}

// server is the one of that name, or nil.
func (s *service) server(name string) *server {
	if i := slices.IndexFunc(s.servers, func(x *server) bool { return x.Name == name }); i >= 0 {
		return s.servers[i]
	}
	return nil
}

// judge takes what the checks say of its servers.
func (s *service) judge(results map[string]track.Result, now time.Time) {
	for _, x := range s.servers {
		from := x.verdictWord()
		if !x.judge(s.cfg.Name, results, now) {
			continue
		}
		n := news{kind: vip.ServerUp, server: x.Name, state: "up", from: from, text: "its checks pass"}
		if !x.up {
			n.kind, n.state, n.text = vip.ServerDown, "down", x.cause
		}
		s.news = append(s.news, n)
	}
	s.count(now)
}

// verdictWord is the server's verdict, whatever drains or rises.
func (s *server) verdictWord() string {
	switch {
	case !s.decided:
		return "undecided"
	case s.up:
		return "up"
	default:
		return "down"
	}
}

// adopt takes over what the kernel has from an agent before: a server that has had no
// result stays as it is there, in or out. If the kernel has none of the
// service's servers, then nobody has left it and nothing is adopted.
func (s *service) adopt(found []Reading, now time.Time) {
	weights := make(map[netip.AddrPort]int, len(found))
	for _, r := range found {
		weights[r.Address] = r.Weight
	}
	ours := func(d Destination) bool { _, there := weights[d.Address]; return there }
	known := s.cfg.Sorry != nil && ours(s.cfg.Sorry.Destination)
	for _, x := range s.servers {
		known = known || ours(x.Destination)
	}
	if !known {
		return
	}
	for _, x := range s.servers {
		w, there := weights[x.Address]
		if x.drain == drained && there {
			x.drain = draining // its connections may be going on
		}
		if !x.decided && len(x.Checks) > 0 {
			x.left, x.carry, x.up = there, w, there
		}
	}
	s.count(now)
}

// count adds up who is alive and judges the quorum by it. It is undecided until it
// is reached by servers with results, or all have one. Then, between the two
// thresholds, it is as it was, and at first lost with Alpha and there without.
func (s *service) count(now time.Time) {
	sure, open := 0, false
	s.alive = 0
	for _, x := range s.servers {
		s.alive += x.counts()
		if x.decided {
			sure += x.counts()
		} else if x.drain == serving {
			open = true
		}
	}
	get, lose := s.cfg.Quorum+s.cfg.Hysteresis, max(1, s.cfg.Quorum-s.cfg.Hysteresis)
	state := s.quorum
	switch {
	case state == track.Undecided && open && sure < get:
		return
	case s.alive < lose:
		state = track.Failing
	case s.alive >= get, state == track.Undecided && !s.cfg.Alpha:
		state = track.Passing
	case state == track.Undecided:
		state = track.Failing
	}
	if state != s.quorum {
		s.turn(state, get, lose, now)
	}
}

// turn is a change of the quorum.
func (s *service) turn(state track.State, get, lose int, now time.Time) {
	n := news{kind: vip.QuorumUp, state: quorumWord(state), from: quorumWord(s.quorum)}
	n.text = fmt.Sprintf("weight %d is alive, of %d that make the quorum", s.alive, get)
	if state == track.Failing {
		n.kind = vip.QuorumDown
		n.text = fmt.Sprintf("weight %d is alive, and the quorum is lost below %d", s.alive, lose)
		if s.quorum == track.Undecided {
			n.text = fmt.Sprintf("weight %d is alive, of %d that make the quorum", s.alive, get)
		}
	}
	s.quorum, s.cause, s.since = state, n.text, now
	s.news = append(s.news, n)
}

func quorumWord(s track.State) string {
	switch s {
	case track.Passing:
		return "up"
	case track.Failing:
		return "down"
	default:
		return "undecided"
	}
}

// sorry tells whether the sorry server serves: the quorum is lost, or is not decided
// and nobody is presumed alive.
func (s *service) sorry() bool {
	return s.cfg.Sorry != nil && (s.quorum == track.Failing || s.quorum == track.Undecided && s.alive == 0)
}

// virtual is what a plane is to program, and when that changes by itself; zero is
// never. While the sorry server serves all others are out, as keepalived does it, alive
// ones too: those with Inhibit, and those that drain, stay with weight 0.
// Without one, what is alive goes on though the quorum is lost.
func (s *service) virtual(now time.Time) (v Virtual, next time.Time) {
	v = s.cfg.Virtual
	v.Destinations = make([]Destination, 0, len(s.servers)+1)
	instead := s.sorry()
	for _, x := range s.servers {
		w, change := x.weight(now)
		next = earliest(next, change)
		d := x.Destination
		d.Weight = w
		if instead {
			d.Weight = 0
			if !x.Inhibit && x.drain != draining {
				continue
			}
		}
		if x.programmed() {
			v.Destinations = append(v.Destinations, d)
		}
	}
	if instead {
		d := s.cfg.Sorry.Destination
		d.Weight = max(1, d.Weight)
		v.Destinations = append(v.Destinations, d)
	}
	slices.SortFunc(v.Destinations, func(a, b Destination) int { return a.Address.Compare(b.Address) })
	return v, next
}

// earliest is the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// same tells whether two say the same.
func same(a, b Virtual) bool {
	return a.Name == b.Name && a.Scheduler == b.Scheduler && a.Fallback == b.Fallback && a.Port == b.Port &&
		a.OnePacket == b.OnePacket && a.Persistence == b.Persistence &&
		slices.Equal(a.Frontends, b.Frontends) && slices.Equal(a.Destinations, b.Destinations)
}

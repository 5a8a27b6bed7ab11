// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"net/netip"
	"slices"
	"time"
)

// setDrain begins or ends a server's drain, and tells whether that is a change. bare: the
// service is not programmed, and so there is nothing to wait for.
func (s *service) setDrain(x *server, on, bare bool, now time.Time) bool {
	switch {
	case on == (x.drain != serving):
		return false
	case on:
		x.drain, x.out = draining, now
		if bare {
			x.drain = drained
		}
	default:
		if x.drain == drained && x.decided && x.up {
			x.rise(now) // nobody has asked it for anything since
		}
		x.drain, x.out = serving, time.Time{}
	}
	s.count(now)
	return true
}

// bare ends all drains: the service is programmed no more.
func (s *service) bare() {
	for _, x := range s.servers {
		if x.drain == draining {
			x.drain = drained
		}
	}
}

// drains tells whether a server waits for the end of its connections.
func (s *service) drains() bool {
	for _, x := range s.servers {
		if x.drain == draining {
			return true
		}
	}
	return false
}

// limit ends the drains that have lasted long enough, and tells when the next has.
func (s *service) limit(now time.Time) (next time.Time) {
	if s.cfg.DrainLimit <= 0 {
		return time.Time{}
	}
	for _, x := range s.servers {
		if x.drain != draining {
			continue
		}
		end := x.out.Add(s.cfg.DrainLimit)
		if end.After(now) {
			next = earliest(next, end)
			continue
		}
		x.drain = drained
	}
	return next
}

// finish ends the drains of servers without connections. from is when the reading
// began: a server that was drained later is left for the next.
func (s *service) finish(found []Reading, from time.Time) (changed bool) {
	busy := make(map[netip.AddrPort]bool, len(found))
	for _, r := range found {
		busy[r.Address] = r.Active > 0 || r.Inactive > 0
	}
	for _, x := range s.servers {
		if x.drain == draining && !busy[x.Address] && !x.out.After(from) {
			x.drain, changed = drained, true
		}
	}
	return changed
}

// drainedNames are the servers that are drained or on the way there, and those that were
// when they went.
func (s *service) drainedNames() (names []string) {
	for _, x := range s.servers {
		if x.drain != serving {
			names = append(names, x.Name)
		}
	}
	return append(names, s.away...)
}

// maxAway bounds what is remembered of a service: whoever drains each server and then removes it
// has new ones for ever.
const maxAway = 1000

// leave remembers a server that was drained when it went: if it comes back it is so still.
func (s *service) leave(name string) {
	s.away = append(s.away, name)
	s.away = s.away[max(0, len(s.away)-maxAway):]
}

// back forgets that a server was drained when it went, and tells whether it was.
func (s *service) back(name string) bool {
	n := len(s.away)
	s.away = slices.DeleteFunc(s.away, func(a string) bool { return a == name })
	return len(s.away) < n
}

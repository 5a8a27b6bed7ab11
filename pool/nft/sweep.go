// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/vicar-ha/vicar/pool"
)

// sweep removes the flows of UDP that go where their service does not send any more,
// or have been going past it: the next packet is balanced. k is what is known after the change,
// or before it.
func (p *Plane) sweep(ctx context.Context, k *knowledge, c *change) error {
	for _, f := range families() {
		s := newSwept()
		for i := range c.services {
			s.add(&c.services[i], f)
		}
		if s.none() {
			continue
		}
		if err := p.spare(k, s, f); err != nil {
			return err
		}
		var list []flow
		err := p.raw.flows(f.proto, ofUDP, func(e *flow) {
			if s.stale(e) {
				list = append(list, *e)
			}
		})
		if err != nil {
			return fmt.Errorf("all is programmed, but flows of UDP stay with servers that are gone: %w", err)
		}
		if err := p.forget(ctx, f, list); err != nil {
			return err
		}
	}
	return nil
}

// forget removes entries of connection tracking.
func (p *Plane) forget(ctx context.Context, f family, list []flow) error {
	for i := range list {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("removing connections: %w", err)
		}
		if err := p.raw.forget(f.proto, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

// rescue removes what connection tracking has of attempts to connect to new frontends
// that went past them, unanswered: clients whose packets still came here while
// the address was elsewhere. Until such an entry has timed out (two minutes) it
// would keep the client's next attempt from being balanced. What was answered
// goes on: a server on this host had the frontend before. Of UDP sweep sees to it.
func (p *Plane) rescue(ctx context.Context, c *change) error {
	at := newFrontends()
	for _, set := range []string{services4, services6} {
		for e := range c.fronts.add[set] {
			if front, ok := e.place(); ok && front.Protocol != pool.UDP {
				at.add(e.chain, front)
			}
		}
	}
	if at.empty() {
		return nil
	}
	lists := map[bool][]flow{} // by whether it is IPv4
	collect := func(e *flow) {
		if _, ok := at.find(e.protocol, e.to); ok {
			lists[e.to.Addr().Is4()] = append(lists[e.to.Addr().Is4()], *e)
		}
	}
	if p.raw.flows(unix.NFPROTO_UNSPEC, lost, collect) != nil {
		return nil // all is programmed; Read can't read the connections either, and tells why
	}
	var errs []error
	for _, f := range families() {
		errs = append(errs, p.forget(ctx, f, lists[f.words == 1]))
	}
	return errors.Join(errs...)
}

// swept is what decides which flows of UDP are stale.
type swept struct {
	at      *frontends
	servers map[string]map[netip.AddrPort]bool // by service
	gone    map[netip.AddrPort]bool            // of services by mark
	// others are what flows to the gone ones may be of as well.
	others        *frontends
	othersServers map[string]map[netip.AddrPort]bool // by the service's chain
}

func newSwept() *swept {
	return &swept{
		at: newFrontends(), servers: map[string]map[netip.AddrPort]bool{}, gone: map[netip.AddrPort]bool{},
		others: newFrontends(), othersServers: map[string]map[netip.AddrPort]bool{},
	}
}

// none tells whether no flow can be stale.
func (s *swept) none() bool { return s.at.empty() && len(s.gone) == 0 }

// add adds a service, if it has flows of UDP that may be stale now: a server is gone,
// or it was not there before.
func (s *swept) add(c *serviceChange, f family) {
	name := c.virtual.Name
	had := map[string]bool{}
	if set := c.before.sets[f.identifier("servers", name)]; set != nil {
		for e := range set.elements {
			had[e.key] = true
		}
	}
	servers := map[netip.AddrPort]bool{}
	if c.want != nil {
		for _, d := range c.virtual.Destinations {
			delete(had, endpoint(d.Address))
			servers[d.Address] = true
		}
	}
	if len(had) == 0 && c.fronts == 0 {
		return
	}
	s.servers[name] = servers
	for _, front := range c.virtual.Frontends {
		switch {
		case front.Is4() != (f.words == 1):
		case front.Mark != 0:
			for key := range had {
				if a, ok := server(key); ok {
					s.gone[a] = true
				}
			}
		case front.Protocol == pool.UDP:
			s.at.add(name, front)
		}
	}
}

// stale tells whether a flow goes where it should not.
func (s *swept) stale(e *flow) bool {
	if name, ok := s.at.find(e.protocol, e.to); ok {
		return !serves(s.servers[name], e)
	}
	if e.status&translated == 0 || !serves(s.gone, e) {
		return false
	}
	chain, ok := s.others.find(e.protocol, e.to)
	return !ok || !serves(s.othersServers[chain], e)
}

// serves tells whether the flow's server is one of some, which may have no port.
func serves(servers map[netip.AddrPort]bool, e *flow) bool {
	return servers[e.server] || servers[netip.AddrPortFrom(e.server.Addr(), 0)]
}

// spare keeps other services' flows. What came by a mark can be told by its server alone:
// one that is another marked service's is not gone. A flow to an address of a
// service is that service's as long as its server is.
func (p *Plane) spare(k *knowledge, s *swept, f family) error {
	if len(s.gone) == 0 {
		return nil
	}
	for _, name := range []string{marks, services4, services6} {
		known := k.frame.sets[name]
		if known == nil {
			continue
		}
		for e := range known.elements {
			front, ok := e.place()
			if !ok || front.Is4() != (f.words == 1) || front.Protocol != pool.UDP {
				continue
			}
			servers, err := p.serversOf(e.chain, s.othersServers)
			if err != nil {
				return err
			}
			if front.Mark == 0 {
				s.others.add(e.chain, front)
				continue
			}
			for a := range servers {
				delete(s.gone, a)
			}
		}
	}
	return nil
}

// serversOf are the servers that the service of a chain has now, read once.
func (p *Plane) serversOf(chain string, read map[string]map[netip.AddrPort]bool) (map[netip.AddrPort]bool, error) {
	if servers, ok := read[chain]; ok {
		return servers, nil
	}
	set := "servers-" + strings.TrimPrefix(chain, "service-")
	elements, err := p.conn.GetSetElements(&nftables.Set{Name: set, Table: table()})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("reading the elements of %s: %w", set, err)
	}
	servers := map[netip.AddrPort]bool{}
	for _, e := range elements {
		if a, ok := server(string(e.Key)); ok {
			servers[a] = true
		}
	}
	read[chain] = servers
	return servers, nil
}

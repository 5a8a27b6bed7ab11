// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package nft

import (
	"net/netip"

	"github.com/vicar-ha/vicar/pool"
)

// frontends finds the service of an address, protocol and port.
type frontends struct {
	single map[pool.Frontend]string
	ranges []ranged
}

// ranged is a frontend that is not single.
type ranged struct {
	pool.Frontend
	service string
}

// newFrontends is an empty one.
func newFrontends() *frontends { return &frontends{single: map[pool.Frontend]string{}} }

// empty tells whether there are none.
func (x *frontends) empty() bool { return len(x.single) == 0 && len(x.ranges) == 0 }

// add adds a service's frontend, which is no mark.
func (x *frontends) add(service string, f pool.Frontend) {
	if f.First == f.Last && f.FirstPort == f.LastPort && f.FirstPort != 0 {
		x.single[f] = service
	} else {
		x.ranges = append(x.ranges, ranged{f, service})
	}
}

// find is the service there.
func (x *frontends) find(p pool.Protocol, a netip.AddrPort) (string, bool) {
	if name, ok := x.single[pool.Single(p, a)]; ok {
		return name, true
	}
	for _, r := range x.ranges {
		if r.Protocol == p && r.First.Compare(a.Addr()) <= 0 && a.Addr().Compare(r.Last) <= 0 &&
			(r.FirstPort == 0 || r.FirstPort <= a.Port() && a.Port() <= r.LastPort) {
			return r.service, true
		}
	}
	return "", false
}

// count counts connections into the readings, in one pass over the kernel's table. What
// came by a mark can be told from others' by its server alone.
func (p *Plane) count(services []pool.Virtual, readings []pool.Reading) error {
	type key struct {
		service string
		server  netip.AddrPort
	}
	at, marked := newFrontends(), map[string]bool{}
	for _, v := range services {
		for _, f := range v.Frontends {
			if f.Mark != 0 {
				marked[v.Name] = true
			} else {
				at.add(v.Name, f)
			}
		}
	}
	counts, byMark := map[key]*pool.Reading{}, map[netip.AddrPort]*pool.Reading{}
	for i := range readings {
		r := &readings[i]
		counts[key{r.Service, r.Address}] = r
		if marked[r.Service] {
			byMark[r.Address] = r
		}
	}
	for _, f := range families() {
		err := p.raw.flows(f.proto, sent, func(e *flow) {
			name, ok := at.find(e.protocol, e.to)
			for _, a := range []netip.AddrPort{e.server, netip.AddrPortFrom(e.server.Addr(), 0)} {
				r := byMark[a]
				if ok {
					r = counts[key{name, a}]
				}
				if r != nil {
					e.into(r)
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// into counts the flow. What is closed, and only remembered for a while, is none.
func (e *flow) into(r *pool.Reading) {
	switch {
	case e.protocol == pool.TCP && (e.state == tcpTimeWait || e.state == tcpClose), e.protocol == pool.SCTP && e.state == sctpClosed:
	case e.protocol == pool.TCP && e.state != tcpEstablished, e.protocol == pool.SCTP && e.state != sctpEstablished:
		r.Inactive++
	default:
		r.Active++
	}
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/status"
)

// Waits of Status: a plane that takes longer shows its last reading, and a want that
// takes longer is an error to be shown.
const (
	readLimit = time.Second
	wantLimit = 3 * time.Second
)

// shown is a service's part of Status, without what only its plane knows.
type shown struct {
	pool      status.Pool
	worker    *worker
	addresses []Destination // of pool.Servers
}

// Status is how the services stand, by name, with their connections as the planes
// last told them, which is not longer ago than a second unless a plane does not
// answer. Before Run, and after its end, there is none.
func (p *Pool) Status(ctx context.Context) []status.Pool {
	var list []shown
	var virtuals map[*worker][]Virtual
	reply := make(chan error, 1)
	p.inbox.put(func(l *loop) {
		list, virtuals = l.show()
		reply <- nil
	})
	if p.wait(ctx, reply) != nil {
		return nil
	}
	readings := make(map[*worker]map[string][]Reading)
	for w, services := range virtuals {
		readings[w] = w.latest(ctx, services)
	}
	all := make([]status.Pool, len(list))
	for i, s := range list {
		all[i] = s.pool
		fill(&all[i], s, readings[s.worker][s.pool.Name])
	}
	return all
}

// latest is a fresh reading of all services, or the last where the plane does not
// answer in time.
func (w *worker) latest(ctx context.Context, services []Virtual) map[string][]Reading {
	if found, ok := w.all.look(); ok {
		return found
	}
	done := make(chan struct{})
	w.ask(asked{services, func(found []Reading, err error) {
		defer close(done)
		if err == nil {
			w.all.keep(found, time.Now())
		}
	}})
	timer := time.NewTimer(readLimit)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	case <-w.ended:
	}
	found, _ := w.all.look()
	return found
}

// fill adds what a plane has told of a service.
func fill(p *status.Pool, s shown, found []Reading) {
	for _, r := range found {
		for i := range p.Servers {
			if x := &p.Servers[i]; s.addresses[i].Address == r.Address {
				x.Programmed = true
				x.Active, x.Inactive, x.Total = r.Active, r.Inactive, r.Total
			}
		}
	}
}

// show is what the loop knows of all services, and what is to be read.
func (l *loop) show() (list []shown, virtuals map[*worker][]Virtual) {
	virtuals = make(map[*worker][]Virtual)
	now := time.Now()
	for _, u := range l.services {
		w := l.workers[u.plane]
		if u.sent != nil && u.there {
			virtuals[w] = append(virtuals[w], *u.sent)
		}
		s := shown{pool: u.show(now), worker: w}
		for _, x := range u.servers {
			s.pool.Servers = append(s.pool.Servers, x.show(now))
			s.addresses = append(s.addresses, x.Destination)
		}
		if u.cfg.Sorry != nil {
			s.pool.Servers = append(s.pool.Servers, u.showSorry())
			s.addresses = append(s.addresses, u.cfg.Sorry.Destination)
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b shown) int { return cmp.Compare(a.pool.Name, b.pool.Name) })
	return list, virtuals
}

func (u *unit) show(now time.Time) status.Pool {
	p := status.Pool{
		Name: u.name, Plane: string(u.plane), Scheduler: string(u.cfg.Scheduler),
		State: quorumWord(u.quorum), Since: u.since, Alive: u.alive, Quorum: u.cfg.Quorum, Hysteresis: u.cfg.Hysteresis,
		With: u.cfg.With, Programmed: u.there && u.set > 0, Sorry: u.sorry(),
		Repaired: u.repaired, RepairedAt: u.repairedAt, Repair: u.repair, DrainedAway: slices.Clone(u.away), Servers: []status.PoolServer{},
	}
	for _, f := range u.cfg.Frontends {
		p.Frontends = append(p.Frontends, f.String())
	}
	switch waits := now.Sub(u.sentAt); {
	case u.err != nil:
		p.Error = u.err.Error()
	case u.set < u.seq && waits > wantLimit:
		p.Error = fmt.Sprintf("the kernel has not answered for %v", waits.Round(time.Second))
	case u.unread != nil:
		p.Error = "reading what is programmed: " + u.unread.Error()
	}
	return p
}

func (s *server) show(now time.Time) status.PoolServer {
	w, _ := s.weight(now)
	return status.PoolServer{
		Name: s.Name, Address: s.Address.String(), Forward: s.Forward.String(),
		State: s.state(), Since: s.since, Cause: s.cause, Weight: w, Configured: s.Weight,
		Ups: s.ups, Downs: s.downs, Checks: s.Checks,
	}
}

func (u *unit) showSorry() status.PoolServer {
	x := u.cfg.Sorry
	p := status.PoolServer{
		Name: x.Name, Address: x.Address.String(), Forward: x.Forward.String(), Sorry: true, State: "standby",
		Since: u.since, Configured: x.Weight,
	}
	if u.sorry() {
		p.State, p.Weight = "up", max(1, x.Weight)
	}
	return p
}

// SyncStatus is how the synchronisation of connections stands; nil without one.
func (p *Pool) SyncStatus(ctx context.Context) *status.Sync {
	var s *status.Sync
	reply := make(chan error, 1)
	p.inbox.put(func(l *loop) {
		s = l.sync.show()
		reply <- nil
	})
	if p.wait(ctx, reply) != nil {
		return nil
	}
	return s
}

func (s *syncing) show() *status.Sync {
	if s.now == nil {
		return nil
	}
	shown := &status.Sync{Role: s.role.String(), Router: s.now.Router, Interface: s.now.Interface, ID: int(s.now.ID)}
	if s.err != nil {
		shown.Error = s.err.Error()
	}
	return shown
}

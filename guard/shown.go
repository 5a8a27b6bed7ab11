// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"sync"
	"time"

	"github.com/vicar-ha/vicar/quorum"
	"github.com/vicar-ha/vicar/status"
)

// shown is what other goroutines may read at any time, as of the last turn.
type shown struct {
	mu      sync.Mutex
	leases  map[string]shownLease
	reports []byte
	peers   []string
	heard   map[string]time.Time // when voters last answered
}

type shownLease struct {
	status.Lease
	ballot quorum.Ballot
	digest quorum.Digest
}

// update shows the units as they are.
func (s *shown) update(units []*unit, peers []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases == nil {
		s.leases = make(map[string]shownLease)
	}
	s.peers = peers
	for _, u := range units {
		u.dirty = false
		s.leases[u.name] = shownLease{u.shown, u.ballot, u.digest}
	}
}

func (s *shown) lease(resource string) status.Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases[resource].Lease
}

func (s *shown) answered(node string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		s.heard = make(map[string]time.Time)
	}
	s.heard[node] = now
}

func (s *shown) answeredAt(node string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard[node]
}

func (s *shown) setReport(report []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reports = report
}

func (s *shown) report() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.reports...)
}

// releases are packets that give up what is held of the resource.
func (s *shown) releases(node string, start uint64, resource string) map[string][]byte {
	s.mu.Lock()
	lease, peers := s.leases[resource], s.peers
	s.mu.Unlock()
	if !lease.Held {
		return nil
	}
	packet, err := quorum.Packet{From: node, Start: start, Messages: []quorum.Message{{
		Kind: quorum.Release, Resource: resource, Digest: lease.digest, Ballot: lease.ballot,
	}}}.Append(nil)
	if err != nil {
		return nil // its questions could not have been sent either
	}
	packets := make(map[string][]byte, len(peers))
	for _, to := range peers {
		packets[to] = packet
	}
	return packets
}

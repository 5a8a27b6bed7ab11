// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package control

import (
	"context"
	"fmt"
	"net/http"

	"github.com/vicar-ha/vicar/status"
)

// PoolDrain asks that a server of a pool gets no new connections, or gets them
// again.
type PoolDrain struct {
	Service string `json:"service"`
	Server  string `json:"server"` // as the configuration has it
	Drain   bool   `json:"drain"`  // false: it gets them again
}

func (s *Server) poolDrain(ctx context.Context, r *http.Request) (any, error) {
	var d PoolDrain
	if err := decode(r, &d); err != nil {
		return nil, err
	}
	if d.Service == "" || d.Server == "" {
		return nil, fmt.Errorf("%w: which server of which service?", errRequest)
	}
	return struct{}{}, s.cfg.Backend.PoolDrain(ctx, d)
}

// PoolDrain makes a server of a pool get no new connections, over restarts too,
// until it is called with Drain false. ErrUnknown says that there is no such service or
// server.
func (c *Client) PoolDrain(ctx context.Context, d PoolDrain) error {
	return c.move(ctx, "/v1/pool/drain", d, nil)
}

// poolStates are the states of servers that are counted, as status.PoolServer.State
// has them.
var poolStates = []string{"up", "down", "undecided", "starting", "draining", "drained", "standby"}

// mostServers is with how many servers in all each still has series of its own. A
// scrape of more would be larger than what it is good for.
const mostServers = 10_000

// pools sends how the pools are, if there are any.
func (e emitter) pools(st *status.Status) {
	servers := 0
	for i := range st.Pools {
		servers += len(st.Pools[i].Servers)
	}
	for i := range st.Pools {
		p := &st.Pools[i]
		e.pool(p)
		if servers <= mostServers {
			for j := range p.Servers {
				e.poolServer(p, &p.Servers[j])
			}
		}
	}
	if s := st.Sync; s != nil {
		for _, role := range []string{"master", "backup", "none"} {
			e.send(MetricSyncRole, truth(s.Role == role), role)
		}
		e.send(MetricSyncProblem, truth(s.Error != ""))
	}
}

func (e emitter) pool(p *status.Pool) {
	e.send(MetricPoolUp, truth(p.State == "up"), p.Name)
	e.send(MetricPoolAlive, float64(p.Alive), p.Name)
	e.send(MetricPoolQuorum, float64(p.Quorum), p.Name)
	e.send(MetricPoolProgrammed, truth(p.Programmed), p.Name)
	e.send(MetricPoolSorry, truth(p.Sorry), p.Name)
	e.send(MetricPoolProblem, truth(p.Error != "" || p.FileError != "" || p.Hindrance != ""), p.Name)
	e.send(MetricPoolRepaired, float64(p.Repaired), p.Name)
	count := make(map[string]int)
	var active, inactive uint64
	for i := range p.Servers {
		s := &p.Servers[i]
		if !s.Sorry || s.State == "standby" {
			count[s.State]++ // one that serves instead of the servers is none of them
		}
		active, inactive = active+s.Active, inactive+s.Inactive
	}
	for _, state := range poolStates {
		e.send(MetricPoolServers, float64(count[state]), p.Name, state)
	}
	e.send(MetricPoolConnections, float64(active), p.Name, "active")
	e.send(MetricPoolConnections, float64(inactive), p.Name, "inactive")
}

func (e emitter) poolServer(p *status.Pool, s *status.PoolServer) {
	name := s.Name
	if s.Sorry {
		name = "sorry" // it may be one of the servers, too
	}
	e.send(MetricPoolServerUp, truth(s.State == "up" || s.State == "starting"), p.Name, name)
	e.send(MetricPoolServerWeight, float64(s.Weight), p.Name, name)
	e.send(MetricPoolServerConnections, float64(s.Active), p.Name, name, "active")
	e.send(MetricPoolServerConnections, float64(s.Inactive), p.Name, name, "inactive")
	if p.Plane == "ipvs" { // nftables counts none
		e.send(MetricPoolServerTotal, float64(s.Total), p.Name, name)
	}
	e.send(MetricPoolServerTransitions, float64(s.Ups), p.Name, name, "up")
	e.send(MetricPoolServerTransitions, float64(s.Downs), p.Name, name, "down")
}

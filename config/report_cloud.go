// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net/netip"
	"time"
)

// ReportAWS is what moving in AWS comes to.
type ReportAWS struct {
	Region      string                `json:"region,omitempty"` // empty: the machine's
	RouteTables []string              `json:"route_tables,omitempty"`
	Interfaces  map[string]string     `json:"interfaces,omitempty"`  // by node; others': as their metadata say
	Allocations map[netip.Addr]string `json:"allocations,omitempty"` // the Elastic IPs, by address
	Poll        time.Duration         `json:"poll_ns"`
	// Readiness is how often a standby looks whether it could take over, Weight what
	// its priority loses while it could not.
	Readiness time.Duration `json:"readiness_ns"`
	Weight    int           `json:"readiness_weight"`
}

func (c *Config) reportAWS() *ReportAWS {
	if c.AWS == nil {
		return nil
	}
	return &ReportAWS{
		Region: c.AWS.Region, RouteTables: c.AWS.RouteTables, Interfaces: c.AWS.Interfaces, Allocations: c.AWS.Allocations, Poll: c.AWS.Poll,
		Readiness: c.AWS.Readiness, Weight: c.AWS.ReadinessWeight,
	}
}

// reportMove is how a router's addresses move, and nothing where that is the
// host's affair alone.
func reportMove(r Router) []string {
	if !r.Cloud() {
		return nil
	}
	names := make([]string, len(r.Move))
	for i, m := range r.Move {
		names[i] = string(m.Kind)
		if m.Kind == MoveExec {
			names[i] += " " + m.Exec[0]
		}
	}
	return names
}

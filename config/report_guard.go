// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// ReportPeerLink is the link between the nodes.
type ReportPeerLink struct {
	Port     int    `json:"port"`
	KeysFile string `json:"keys_file"`
	// KeysFrom is where keys_file's text is fetched from; left out if it isn't.
	KeysFrom string `json:"keys_from,omitempty"`
}

// ReportGuard is what keeps a second node from holding the addresses.
type ReportGuard struct {
	Kind   string   `json:"kind"`
	Voters []string `json:"voters"` // by name; a table as in "table vicar-lease"
	// Majority is how many of them grant a lease, and MayFail how many may be gone
	// so that there still is one.
	Majority int           `json:"majority"`
	MayFail  int           `json:"may_fail"`
	MaxLease time.Duration `json:"max_lease_ns"`
	Fence    string        `json:"fence"`
	// Leases are what leases are for, and how long they run.
	Leases []ReportLease `json:"leases"`
}

// ReportLease is what a lease is for.
type ReportLease struct {
	Resource string        `json:"resource"` // "router web" or "sync group edge"
	Routers  []string      `json:"routers"`
	Lease    time.Duration `json:"lease_ns"`
	OnLoss   string        `json:"on_loss"`
}

func (c *Config) reportGuard(report *Report) {
	if c.PeerLink != nil {
		report.PeerLink = &ReportPeerLink{Port: int(c.PeerLink.Port), KeysFile: c.PeerLink.KeysFile, KeysFrom: c.PeerLink.KeysFrom}
	}
	if c.Guard.Kind != GuardQuorum {
		return
	}
	g := &ReportGuard{
		Kind: string(c.Guard.Kind), Voters: c.Voters(), Majority: c.Majority(),
		MaxLease: c.Guard.MaxLease, Fence: string(c.Guard.Fence),
	}
	g.MayFail = len(g.Voters) - g.Majority
	for _, res := range c.Resources() {
		g.Leases = append(g.Leases, ReportLease{Resource: res.Name, Routers: res.Routers, Lease: res.Lease(), OnLoss: string(res.OnLoss)})
	}
	report.Guard = g
}

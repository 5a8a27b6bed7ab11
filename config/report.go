// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Report is what a configuration amounts to, for `vicar check`.
type Report struct {
	Cluster   string       `json:"cluster"`
	Digest    string       `json:"digest"`
	Transport string       `json:"transport"`
	Nodes     []ReportNode `json:"nodes"`
	// PeerLink and Guard are left out where there is none.
	PeerLink *ReportPeerLink `json:"peer_link,omitempty"`
	Guard    *ReportGuard    `json:"guard,omitempty"`
	Routers  []ReportRouter  `json:"routers"`
	AWS      *ReportAWS      `json:"aws,omitempty"`
	// SyncGroups, Checks, Hooks and Pools are left out where there are none.
	SyncGroups []ReportGroup `json:"sync_groups,omitempty"`
	Checks     []ReportCheck `json:"checks,omitempty"`
	Hooks      []ReportHook  `json:"hooks,omitempty"`
	Pools      []ReportPool  `json:"pools,omitempty"`
	Warnings   Errors        `json:"warnings,omitempty"`
}

// ReportNode is a node.
type ReportNode struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`
	Witness   bool         `json:"witness,omitempty"`
}

// ReportRouter is a router and who will hold it.
type ReportRouter struct {
	Name      string         `json:"name"`
	VRID      int            `json:"vrid"`
	Version   int            `json:"version"`
	Interval  time.Duration  `json:"interval_ns"`
	Addresses []netip.Prefix `json:"addresses"`
	Exclude   []netip.Prefix `json:"exclude,omitempty"`
	Preempt   bool           `json:"preempt"`
	Delay     time.Duration  `json:"preempt_delay_ns,omitempty"`
	Listen    time.Duration  `json:"listen_ns,omitempty"`
	Damping   *ReportDamping `json:"damping,omitempty"`
	Tracks    []ReportTrack  `json:"track,omitempty"` // its own, without the sync group's
	// Move is how the addresses move: as in the file, "exec" with its program. It is
	// left out where they are put onto the host and no more.
	Move []string `json:"move,omitempty"`
	// Candidates are the nodes in the order in which they take over; the first
	// holds the addresses while it is well.
	Candidates []Candidate `json:"candidates"`
}

// Candidate is a node in a router.
type Candidate struct {
	Node      string `json:"node"`
	Interface string `json:"interface"`
	Priority  int    `json:"priority"`
	// Detection is how long it takes this node as a Backup to notice that the
	// Active is gone: Active_Down_Interval (RFC 9568 section 6.1).
	Detection time.Duration `json:"detection_ns"`
	// Tie tells that another node has the same priority, so that the order of
	// the two is a guess by their addresses in this file.
	Tie bool `json:"tie,omitempty"`
}

// Report says what the configuration amounts to.
func (c *Config) Report() Report {
	report := Report{Cluster: c.Cluster, Digest: c.Digest(), Transport: string(c.Transport.Kind), Warnings: c.Warnings}
	for _, n := range c.Nodes {
		report.Nodes = append(report.Nodes, ReportNode(n))
	}
	for _, r := range c.Routers {
		report.Routers = append(report.Routers, ReportRouter{
			Name: r.Name, VRID: int(r.VRID), Version: int(r.Version), Interval: r.Interval,
			Addresses: r.Addresses, Exclude: r.Exclude,
			Preempt: r.Preempt, Delay: r.PreemptDelay,
			Listen: r.Listen, Damping: reportDamping(r.Damping), Tracks: reportTracks(r.Tracks),
			Move:       reportMove(r),
			Candidates: c.candidates(r),
		})
	}
	report.AWS = c.reportAWS()
	c.reportGuard(&report)
	c.reportHealth(&report)
	report.Pools = c.reportPools()
	return report
}

// candidates are the nodes that are no witnesses by priority, then by address: the greater wins
// (RFC 9568 section 6.4.3).
func (c *Config) candidates(r Router) []Candidate {
	family := 4
	if families := r.Families(); len(families) > 0 {
		family = families[0]
	}
	nodes := c.contenders()
	primary := make(map[string]netip.Addr, len(nodes))
	candidates := make([]Candidate, 0, len(nodes))
	for _, n := range nodes {
		primary[n.Name] = n.Addresses[0]
		if of := c.ElectionAddresses(n, family); len(of) > 0 {
			primary[n.Name] = of[0]
		}
		p := r.Priority[n.Name]
		tie := slices.ContainsFunc(nodes, func(o Node) bool { return o.Name != n.Name && r.Priority[o.Name] == p })
		candidates = append(candidates, Candidate{
			Node: n.Name, Interface: r.Interface[n.Name], Priority: int(p), Detection: r.detection(p), Tie: tie,
		})
	}
	slices.SortFunc(candidates, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), primary[b.Node].Compare(primary[a.Node]))
	})
	return candidates
}

// detection is Active_Down_Interval: three intervals and Skew_Time
// (RFC 9568 section 6.1, RFC 3768 section 6.1).
func (r Router) detection(priority uint8) time.Duration {
	skew := time.Duration(256-int(priority)) * r.Interval / 256
	if r.Version == wire.V2 {
		skew = time.Duration(256-int(priority)) * time.Second / 256
	}
	return 3*r.Interval + skew
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// ReportPool is a pool.
type ReportPool struct {
	Name      string   `json:"name"`
	Plane     string   `json:"plane"`
	Listen    []string `json:"listen"` // 192.0.2.100:80/tcp
	Scheduler string   `json:"scheduler"`
	// With is the router whose holder balances, left out if all nodes do.
	With        string        `json:"with,omitempty"`
	Persistence time.Duration `json:"persistence_ns,omitempty"`
	Quorum      int           `json:"quorum"`
	Hysteresis  int           `json:"hysteresis,omitempty"`
	// ServersFile is where more servers come from; those that it has now are among
	// Servers.
	ServersFile string         `json:"servers_file,omitempty"`
	Servers     []ReportServer `json:"servers"`
	Sorry       *ReportServer  `json:"sorry,omitempty"`
	// Checks are the kinds of each server's, as its checks' names end.
	Checks []string `json:"checks,omitempty"`
}

// ReportServer is a server of a pool.
type ReportServer struct {
	Name    string `json:"name"`
	Forward string `json:"forward"`
	Weight  int    `json:"weight"`
}

func (c *Config) reportPools() []ReportPool {
	var report []ReportPool
	for _, p := range c.Pools {
		v := ReportPool{
			Name: p.Name, Plane: string(p.Plane), Scheduler: string(p.Scheduler), With: p.With,
			Persistence: p.Persistence.Timeout, Quorum: p.Quorum, Hysteresis: p.Hysteresis,
			ServersFile: p.ServersFile, Servers: make([]ReportServer, 0, len(p.Servers)),
		}
		for _, f := range p.Frontends {
			v.Listen = append(v.Listen, f.String())
		}
		for _, s := range p.Servers {
			v.Servers = append(v.Servers, ReportServer{s.Name, s.Forward.String(), s.Weight})
		}
		if s := p.Sorry; s != nil {
			v.Sorry = &ReportServer{s.Name, s.Forward.String(), s.Weight}
		}
		for _, k := range p.sample {
			v.Checks = append(v.Checks, k.Name)
		}
		report = append(report, v)
	}
	return report
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package status

import "time"

// Pool is a virtual service and its real servers, on this node.
type Pool struct {
	Name      string   `json:"name"`
	Plane     string   `json:"plane"`     // ipvs or nftables
	Frontends []string `json:"frontends"` // 192.0.2.100:80/tcp
	Scheduler string   `json:"scheduler"`
	// State is up (it has its quorum) or down; before every server has a result it
	// is undecided. Since is when it began.
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// Alive is the sum of the weights that are up, of which Quorum and Hysteresis are
	// judged.
	Alive      int `json:"alive"`
	Quorum     int `json:"quorum"`
	Hysteresis int `json:"hysteresis"`
	// With is the router whose holder programs it, empty for none; Programmed tells
	// whether the kernel has it now.
	With       string `json:"with,omitempty"`
	Programmed bool   `json:"programmed"`
	Sorry      bool   `json:"sorry"` // the sorry server serves
	// Error is why the kernel does not have what it should.
	Error string `json:"error,omitempty"`
	// Hindrance is what of this host keeps packets from the servers: it does not
	// forward them.
	Hindrance string `json:"hindrance,omitempty"`
	// File is where more servers come from, FileError why what it says now is not in
	// force.
	File      string `json:"servers_file,omitempty"`
	FileError string `json:"servers_file_error,omitempty"`
	// Repaired counts objects of the kernel's that somebody else had changed and that
	// were put right; RepairedAt is when that was last, Repair what it was.
	Repaired   uint64       `json:"repaired"`
	RepairedAt time.Time    `json:"repaired_at,omitzero"`
	Repair     string       `json:"repair,omitempty"`
	Servers    []PoolServer `json:"servers"`
	// DrainedAway are names of servers that were drained when they were removed from the
	// configuration or the file. They are so still if they come back.
	DrainedAway []string `json:"drained_away,omitempty"`
}

// PoolServer is a real server of a Pool.
type PoolServer struct {
	Name    string `json:"name"`    // as the configuration has it
	Address string `json:"address"` // with its port
	Forward string `json:"forward"` // nat, direct or tunnel
	Sorry   bool   `json:"sorry,omitempty"`
	// State is up, down, undecided, starting (slow start), draining, drained or, of
	// a sorry server, standby.
	State string    `json:"state"`
	Since time.Time `json:"since,omitzero"`
	// Cause is why it is down: the checks that do not pass.
	Cause string `json:"cause,omitempty"`
	// Weight is what it has now; Configured is the full one. Programmed tells whether
	// the kernel has it.
	Weight     int  `json:"weight"`
	Configured int  `json:"configured_weight"`
	Programmed bool `json:"programmed"`
	// Active, Inactive and Total are its connections, as pool.Reading's.
	Active   uint64 `json:"active"`
	Inactive uint64 `json:"inactive"`
	Total    uint64 `json:"total"`
	// Ups and Downs count how often it has come up and gone down.
	Ups   uint64 `json:"ups"`
	Downs uint64 `json:"downs"`
	// Checks are its checks' names; how they stand is in PoolChecks.
	Checks []string `json:"checks,omitempty"`
}

// Sync is the synchronisation of IPVS's connections.
type Sync struct {
	Role      string `json:"role"` // master, backup or none
	Router    string `json:"router"`
	Interface string `json:"interface"`
	ID        int    `json:"id"`
	Error     string `json:"error,omitempty"`
}

// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package pool

import (
	"context"
	"errors"
	"net/netip"
)

// Plane is what balances in the kernel. Calls come one at a time; each gives up
// when ctx ends. Errors say what the kernel lacks and the remedy, where that is it.
type Plane interface {
	// Set makes what is programmed of each of the services what it says, by the
	// fewest changes and not touching others: a server that stays keeps its connections and
	// its persistent clients, also if its weight changes. It returns nil only if all
	// is programmed, and otherwise goes as far as it can. What others have programmed
	// at a service's frontends is replaced.
	//
	// Of a destination that Set takes away new packets are not forwarded any more (IPVS), or
	// its connections last until they end (nftables); flows of UDP are sent
	// to another one at once.
	Set(ctx context.Context, services []Virtual) error
	// Remove removes services, by name and at their frontends; destinations may be left out,
	// and frontends that another service has now. One without a name is what an agent
	// before has left at frontends at which no service is now, though one of its name may
	// go on elsewhere: a Plane that finds services by name has removed it by Set.
	// What is not there is no error.
	Remove(ctx context.Context, services []Virtual) error
	// Drift reads the kernel and tells what is not as the services say: nothing if
	// all is. It changes nothing. It is asked for a part of the services at a time.
	Drift(ctx context.Context, services []Virtual) ([]Drift, error)
	// Read is the services' destinations as the kernel has them, with how much they
	// have to do. What is not there is left out.
	Read(ctx context.Context, services []Virtual) ([]Reading, error)
	// Close frees what is kept open. It leaves everything programmed.
	Close() error
}

// ErrNoPlane is the error of a Plane that the kernel does not have: its module is
// missing.
var ErrNoPlane = errors.New("the kernel does not have it")

// Drift is a service that is not as it was set.
type Drift struct {
	Service string
	What    string // for people: "the service is gone", "192.0.2.11:80 has weight 3, not 1"
	Count   int    // objects (services at one frontend, destinations) that are missing, superfluous or other
}

// Reading is a destination of a service as the kernel has it, all frontends
// together.
type Reading struct {
	Service string
	Address netip.AddrPort
	Weight  int
	// Active and Inactive are its connections now. nftables counts as Inactive what is being opened
	// or closed, and what is closed no more; IPVS all that is not established, also for two
	// minutes what is closed, and UDP.
	Active, Inactive uint64
	// Total counts those that it ever got; 0 where the plane doesn't know.
	Total uint64
}

// SyncRole is a node's part in the synchronisation of connections.
type SyncRole uint8

// The roles.
const (
	SyncNone   SyncRole = iota
	SyncMaster          // tells its connections
	SyncBackup          // hears them
)

// Sync says how IPVS tells its connections to the other node, by multicast.
type Sync struct {
	Router    string // whose holder is the master
	Interface string
	ID        uint8 // 0 to 255; the same on all nodes
	// The rest is the kernel's default if it is zero.
	MaxLen uint16 // bytes of a message
	Group  netip.Addr
	Port   uint16
	TTL    uint8
}

// SyncDaemon is the kernel's daemon that tells connections, or hears them.
type SyncDaemon interface {
	// Sync makes the daemon run in a role, or none, with these settings, and returns
	// nil if it does. Again is as once.
	Sync(ctx context.Context, role SyncRole, s Sync) error
}

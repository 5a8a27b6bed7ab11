// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/vicar-ha/vicar/clock"
	"github.com/vicar-ha/vicar/quorum"
)

// Config is what a Guard is made of. It is not changed after New or Reload have
// taken it.
type Config struct {
	Node    string
	Cluster string // tables that several clusters share keep them apart by it
	Start   uint64 // random, of this start: the peer link's; not zero
	// Voters is the list that the file has. The one in force may be another, see
	// quorum.Roll.
	Voters quorum.List
	// Resources are all of the file, since a voter grants them to others.
	Resources []Resource
	// Candidate tells whether this node may hold resources; a witness may not.
	Candidate bool
	// StateDir is where the list in force and the terms of leases are kept; empty is
	// nowhere, for tests.
	StateDir string
	// Table reaches the tables that are among Voters (quorum.TableName); nil: none of
	// them answers.
	Table Table
	// Fence may be nil: none.
	Fence Fence
	// Send hands a packet to a node and keeps nothing of it. It doesn't wait. An
	// error is one of passing: the packet is lost.
	Send func(to string, packet []byte) error
	// Changed is called when Report answers otherwise than before: the others must
	// be told. It doesn't block. Nil: nobody is told.
	Changed func()
	Now     func() time.Time // nil is time.Now
	// NewAlarm makes what wakes the guard; nil is a timer of the runtime.
	NewAlarm func() (Alarm, error)
	Log      *slog.Logger // nil is none
	Limit    int          // of a packet's bytes; 0 is 1200
}

// Resource is what is held together: a router or a sync group.
type Resource struct {
	Name      string
	Addresses []netip.Addr // of both families
	// Longest and Shortest are the advert intervals of its routers.
	Longest, Shortest time.Duration
	// Hold keeps the addresses while no majority answers (on_loss: hold).
	Hold bool
}

// Fence makes the host silent about addresses. Its calls come one at a time and
// are short: they hold up leases.
type Fence interface {
	// Set lets the host answer for the addresses until then, a time of Config.Now's
	// clock, which may be past. An earlier end than before is taken, too.
	Set(addrs []netip.Addr, until time.Time) error
	// Shut makes the host silent about the addresses at once. Again is as once.
	Shut(addrs []netip.Addr) error
}

// Alarm wakes the guard. It is used by one goroutine.
type Alarm interface {
	// Set asks for a wake-up at a time of Config.Now's clock, in place of the one
	// that was asked for before. A time that has passed is now.
	Set(at time.Time)
	// C delivers the wake-ups. One too many does no harm.
	C() <-chan time.Time
	// Close ends the Alarm.
	Close() error
}

const (
	defaultLimit = 1200
	leastLease   = 100 * time.Millisecond
	tableLease   = 3 * time.Second // the least where a table votes
	longestRetry = 50 * time.Millisecond
)

// Lease is T: how long a lease of the resource is for, where a table votes or
// not. A Backup waits three intervals and a little before it asks, so a dead node's lease has
// then ended. A table is asked in each third of it, and takes its time.
func (r *Resource) Lease(table bool) time.Duration {
	if table {
		return max(tableLease, 3*r.Longest)
	}
	return max(leastLease, 3*r.Longest)
}

func (r *Resource) quorum() quorum.Resource {
	return quorum.Resource{Name: r.Name, Addresses: r.Addresses}
}

// withDefaults fills in what may be left out, and reports all that is wrong.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Node == "" || c.Start == 0 {
		errs = append(errs, errors.New("a node's name and the number of its start are needed"))
	}
	if c.Send == nil {
		errs = append(errs, errors.New("a Send is needed"))
	}
	if len(c.Voters.Voters) == 0 || c.Voters.MaxLease <= 0 {
		errs = append(errs, fmt.Errorf("%d voters with leases up to %v", len(c.Voters.Voters), c.Voters.MaxLease))
	}
	names := map[string]bool{}
	for i := range c.Resources {
		r := &c.Resources[i]
		switch {
		case r.Name == "" || names[r.Name]:
			errs = append(errs, fmt.Errorf("the name %q of a resource is empty or there twice", r.Name))
		case len(r.Addresses) == 0:
			errs = append(errs, fmt.Errorf("%s has no address", r.Name))
		case r.Shortest <= 0 || r.Shortest > r.Longest:
			errs = append(errs, fmt.Errorf("%s has intervals from %v to %v", r.Name, r.Shortest, r.Longest))
		case r.Lease(c.Voters.HasTable()) > c.Voters.MaxLease:
			errs = append(errs, fmt.Errorf("%s needs leases of %v, and voters grant up to %v",
				r.Name, r.Lease(c.Voters.HasTable()), c.Voters.MaxLease))
		}
		names[r.Name] = true
	}
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("configuring the guard: %w", err)
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewAlarm == nil {
		now := c.Now
		c.NewAlarm = func() (Alarm, error) { return clock.NewTimer(now), nil }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Limit == 0 {
		c.Limit = defaultLimit
	}
	return c, nil
}

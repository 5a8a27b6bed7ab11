// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/vicar-ha/vicar/clock"
	"github.com/vicar-ha/vicar/track"
	"github.com/vicar-ha/vicar/vrrp/wire"
)

// Config is an agent: the routers of one node, and the world they live in. It
// is not changed after New or Reload have taken it.
type Config struct {
	Node    string
	Cluster string
	Version string // the binary's, for status
	Digest  string // the configuration's, for status
	Routers []Router
	Groups  []Group // routers that move together

	// Names are the nodes' by the addresses that their adverts come from.
	Names map[netip.Addr]string
	// Hosts are addresses of the other nodes, to be asked whether a link works.
	Hosts []netip.Addr

	// Open opens the link. It is called in the loop and must not wait.
	Open func(Link) (Transport, error)
	// Network watches the host.
	Network Network
	// Checker may be nil if no router tracks a check, Listener if nobody listens.
	Checker  Checker
	Listener Listener
	// Guard may be nil if no router is guarded, Peers if there is no peer link.
	// Without a Prober a holder that nobody hears stays; without an Executor
	// nothing is prepared for the agent's death.
	Guard    Guard
	Peers    Peers
	Prober   Prober
	Executor Executor
	// Drained keeps the routers out of the election from the start, until Drain.
	Drained bool
	// Resume is what this agent takes at once, since nobody has it.
	Resume Resume
	Log    *slog.Logger
	// Now is the clock; nil is time.Now. One that goes on counting while the
	// machine sleeps lets a stall by suspension be seen.
	Now func() time.Time
	// NewAlarm makes what wakes the loop; nil is a timer of the runtime, which
	// may be late by a millisecond.
	NewAlarm func() (Alarm, error)
	// Recheck is how often an owner looks whether its addresses are still held,
	// besides being told of losses; 0 is 30 s.
	Recheck time.Duration
	// StopTimeout is how long Run waits, after its context has ended, for the
	// addresses to be given up; 0 is 5 s.
	StopTimeout time.Duration
	// Patience is how long a router that gives up in order waits for the Listener
	// to be told; 0 is 2 s. Run may take so much longer to stop.
	Patience time.Duration
}

// Group is a sync group: its routers are Active on one node together, or on
// none. They have the same priority, preemption, damping and listening.
type Group struct {
	Name    string
	Routers []string // the first one breaks ties for all
	Tracks  []track.Track
}

// Damping holds a router that changed hands Moves times within Within: until
// Hold has passed since the last time, this node does not take it over from
// another, save from one that becomes worse. Zero is none.
type Damping struct {
	Moves        int
	Within, Hold time.Duration
}

// Router is a virtual router as this node sees it. A router with addresses of
// both families is two engines that move together.
type Router struct {
	Name string
	// Interface is where the addresses go; empty is the one with a Local address.
	Interface    string
	VRID         uint8
	Version      wire.Version
	Priority     uint8
	Interval     time.Duration
	Preempt      bool
	PreemptDelay time.Duration
	Checksum     wire.Checksum // how version 3 IPv4 adverts are summed
	Password     *[8]byte      // version 2 only
	Multicast    bool
	// Gossip sends adverts over the peer link: the node and its Peers are
	// vip.NodeAddresses there, and Local only finds the interface.
	Gossip bool
	// Guarded: it holds its addresses by the Guard's leave only.
	Guarded   bool
	Local     []netip.Addr // the node's own; adverts leave from one on Interface if there is one
	Peers     []Peer       // unicast only
	Addresses []netip.Prefix
	Exclude   []netip.Prefix // held with Addresses, not advertised
	// Tracks are the checks that move the election. The members of a Group share
	// theirs.
	Tracks []track.Track
	// Readiness is that of Tracks which tells whether this node could take the router
	// over where its addresses move; empty: nothing does.
	Readiness string
	Damping   Damping
	// Listen is how long after the agent's start the router takes no part.
	Listen time.Duration
	// Movers, in the order of acquiring; for that of releasing see Remote. Moving is how
	// long they may well take, and who waits for it does; 0 is no time.
	Movers []Mover
	Moving time.Duration
	// Announcer may be nil where nobody needs to be told.
	Announcer Announcer
}

// Peer is another node of a unicast router, in one family.
type Peer struct {
	// Addresses are the node's, at least one. Adverts go to the first that is on
	// the link's subnets, else to the first, and are accepted from any.
	Addresses []netip.Addr
	// TTLMin is the lowest TTL or hop limit accepted from it. TTLAuto is 255 for
	// an address on the link's subnets and none for a routed one.
	TTLMin int
}

// TTLAuto is the default of Peer.TTLMin.
const TTLAuto = -1

// Link says what socket is needed: one family on one interface.
type Link struct {
	Interface string
	Index     int // of the interface; another Index is another interface
	Family    int // 4 or 6
	Multicast bool
	Gossip    bool       // over the peer link; Interface is empty then
	Source    netip.Addr // the primary address: where packets leave from
	VRIDs     []uint8    // sorted
	// Interval is the shortest of the routers' on this link when it is opened. A
	// hint of how punctual it must be: another one is no other link.
	Interval time.Duration
}

func (l Link) equal(o Link) bool {
	return l.Interface == o.Interface && l.Index == o.Index && l.Family == o.Family &&
		l.Multicast == o.Multicast && l.Gossip == o.Gossip && l.Source == o.Source &&
		slices.Equal(l.VRIDs, o.VRIDs)
}

const (
	defaultRecheck     = 30 * time.Second
	defaultStopTimeout = 5 * time.Second
	defaultPatience    = 2 * time.Second
)

// withDefaults fills in what may be left out and reports all that is wrong.
// What the engine checks by itself is left to it.
func (c Config) withDefaults() (Config, error) {
	var errs []error
	if c.Open == nil || c.Network == nil {
		errs = append(errs, errors.New("agent: Open and Network are needed"))
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewAlarm == nil {
		c.NewAlarm = func() (Alarm, error) { return clock.NewTimer(c.Now), nil }
	}
	if c.Recheck == 0 {
		c.Recheck = defaultRecheck
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = defaultStopTimeout
	}
	if c.Patience == 0 {
		c.Patience = defaultPatience
	}
	names := make(map[string]bool)
	for _, r := range c.Routers {
		if r.Name == "" || names[r.Name] {
			errs = append(errs, fmt.Errorf("agent: router name %q is empty or not unique", r.Name))
		}
		names[r.Name] = true
		errs = append(errs, r.validate()...)
	}
	errs = append(errs, c.validateGroups(names)...)
	return c, errors.Join(errs...)
}

// validateGroups checks that each group has routers that can move together, and
// that someone tells of the checks.
func (c Config) validateGroups(names map[string]bool) (errs []error) {
	grouped := make(map[string]bool)
	for _, g := range c.Groups {
		if g.Name == "" || len(g.Routers) == 0 {
			errs = append(errs, fmt.Errorf("agent: sync group %q has no name or no router", g.Name))
		}
		for _, r := range g.Routers {
			if !names[r] || grouped[r] {
				errs = append(errs, fmt.Errorf("agent: sync group %s: router %s does not exist, or is in a group already", g.Name, r))
			}
			grouped[r] = true
		}
	}
	for _, u := range c.units() {
		if len(u.tracks) > 0 && c.Checker == nil {
			errs = append(errs, fmt.Errorf("agent: %s tracks checks, and there is no Checker", u.key()))
		}
		for _, r := range u.routers {
			if r.Guarded && c.Guard == nil || r.Gossip && c.Peers == nil {
				errs = append(errs, fmt.Errorf("agent: router %s: no Guard to ask, or no Peers to gossip with", r.Name))
			}
			a, b := &r, &u.routers[0]
			if a.Priority != b.Priority || a.Preempt != b.Preempt || a.PreemptDelay != b.PreemptDelay || a.Damping != b.Damping || a.Listen != b.Listen || a.Guarded != b.Guarded {
				errs = append(errs, fmt.Errorf("agent: %s: routers %s and %s can't move together: priority, preemption, damping, listening or the guard differ", u.key(), a.Name, b.Name))
			}
		}
	}
	return errs
}

func (r Router) validate() (errs []error) {
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("agent: router %s: "+format, append([]any{r.Name}, args...)...))
	}
	if len(r.Movers) == 0 {
		bad("no mover")
	}
	if r.Multicast && r.Gossip {
		bad("both multicast and gossip")
	}
	if r.Interface == "" && len(r.Local) == 0 {
		bad("neither an interface nor a local address to find it by")
	}
	for _, f := range r.families() {
		if !r.Multicast && !r.Gossip && len(r.local(f)) == 0 {
			bad("no local address of family IPv%d to send from", f)
		}
	}
	if r.Readiness != "" && !slices.ContainsFunc(r.Tracks, func(t track.Track) bool { return t.Check == r.Readiness }) {
		bad("the check %s is not one of its tracks", r.Readiness)
	}
	if len(r.families()) == 0 {
		bad("no address")
	}
	for _, p := range r.Peers {
		if len(p.Addresses) == 0 {
			bad("a peer without address")
		}
	}
	return errs
}
